"""The console pane: what the guest printed so far, then a live serial port, or a shell; typing only on demand."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.widgets import Input
from textual.worker import Worker

from limacore.errors import LimaError, LockedError
from limatui.api import Console
from limatui.present import console as present
from limatui.present.console import NOWHERE, SOURCES, Link
from limatui.screens.pasting import Pasting
from limatui.settings.keymap import named
from limatui.turns import give_way
from limatui.widgets.aboard import Aboard
from limatui.widgets.background import begin
from limatui.widgets.bar import Bar
from limatui.widgets.logs.file import Tail
from limatui.widgets.terminal.grid import open_grid
from limatui.widgets.terminal.widget import Terminal

HISTORY = 256 * 1024
"""Bytes of serial.log shown before the live port: about 3,000 lines."""
READ_PAUSE = 0.002
"""A serial port delivers 5 to 9 bytes at a time; waiting 2 ms joins them (30 % of a core becomes 10 %)."""
RETRY = 1.0
FOLLOW = 0.2


class ConsolePane(Pasting, Aboard):
    """A console of one instance; holds its socket only while it is on the screen."""

    instance: reactive[str] = reactive("", init=False)
    source: reactive[str] = reactive("serial", init=False)
    link: reactive[Link] = reactive(Link("opening", "opening"), init=False)
    BINDINGS: ClassVar[list[BindingType]] = named("console", [
        Binding("s", "source", "source"), Binding("enter", "reopen", "another shell", show=False),
        Binding("enter", "take_over", "take over"), Binding("w", "size", "send size"),
        Binding("f11", "full", "full screen", key_display="F11"),
        Binding("escape", "leave_search", "end search", show=False),
        Binding("f12", "paste", "paste", key_display="F12"),
    ])

    def __init__(self, instance: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._port: Console | None = None
        self._worker: Worker[None] | None = None
        self._fresh = asyncio.Event()
        self._fitted = (0, 0)
        self._taking = False
        self.set_reactive(ConsolePane.instance, instance)

    def compose(self) -> ComposeResult:
        """Header, terminal, status."""
        yield Bar(ground="panel-ground", classes="head")
        yield Terminal()
        yield Input(placeholder="search back from the newest line, enter finds", classes="search", compact=True)
        yield Bar(classes="foot")

    @property
    def terminal(self) -> Terminal:
        """The terminal of the pane."""
        return self.query_one(Terminal)

    @property
    def _busy(self) -> bool:
        return self.terminal.typing or self.terminal.copying

    def on_mount(self) -> None:
        """An instance that changes its state is asked again at once."""
        if hasattr(type(self.app), "fleet"):
            self.watch(self.app, "fleet", lambda: self._fresh.set(), init=False)
        self.watch_link(self.link)

    def on_show(self) -> None:
        """Connect when the pane comes to the screen."""
        self._restart()

    def on_hide(self) -> None:
        """Release the socket when it leaves."""
        self._halt()

    def watch_instance(self) -> None:
        """Another machine."""
        self.terminal.typing = False
        if self._worker is not None:
            self._restart()
        self._show()

    def watch_source(self) -> None:
        """Another port, or a shell."""
        self.watch_instance()

    def _halt(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            self._worker = None

    def _restart(self) -> None:
        self._halt()
        self.link = Link("opening", "opening")
        self._worker = begin(self, "console", partial(self._watch_port, self.instance))

    async def _watch_port(self, name: str) -> None:
        if not name:
            return
        if self.terminal.grid is None:
            # Off the loop: loading the terminal library takes 107 ms.
            grid = await asyncio.to_thread(open_grid, 80, 24)
            self.terminal.open(grid)
        self.terminal.clear()
        await (self._shell(name) if self.source == "shell" else self._serial(name))

    async def _serial(self, name: str) -> None:
        tail = Tail(NOWHERE, HISTORY)
        while True:
            try:
                if tail.path == NOWHERE:
                    logs = await asyncio.to_thread(self.engine.log_files, name)
                    tail = Tail(present.log_of(self.source, logs), HISTORY)
                await self._catch_up(tail)
                taking, self._taking = self._taking, False
                async with self.engine.console(name, self.source, take=taking) as console:
                    await self._live(console, await self._catch_up(tail))
                await asyncio.to_thread(tail.skip)
                self.link = Link("stopped", "closed", "the machine closed its serial port")
            except LockedError as error:
                self.link = present.held(error)
            except LimaError as error:
                self.link = Link("stopped", "not connected", error.message)
            except OSError as error:
                self.link = Link("stopped", "not connected", error.strerror or str(error))
            await self._follow(tail)

    async def _catch_up(self, tail: Tail) -> bytes:
        """Show what the log has gained."""
        news = await asyncio.to_thread(tail.read)
        if news.restarted:
            self.terminal.clear()
        self.terminal.feed(news.data)
        if self.terminal.grid is not None:
            # What the log asked the terminal was answered long ago, or never.
            self.terminal.grid.replies()
        return news.data

    async def _shell(self, name: str) -> None:
        """One login; the user asks for the next one."""
        try:
            async with self.engine.console(name, "shell", size=self._room()) as console:
                await self._live(console)
            self.link = Link("stopped", "ended", "the shell has ended")
        except LimaError as error:
            self.link = Link("stopped", "not connected", ": ".join(filter(None, (error.message, error.detail))))

    def _room(self) -> tuple[int, int]:
        self._fitted = (self.terminal.content_size.width, self.terminal.content_size.height)
        return self._fitted

    async def _live(self, console: Console, seen: bytes = b"") -> None:
        self._port = console
        self.link = present.live(self.source)
        console.resize(*self._room())
        try:
            while data := await console.read():
                self.terminal.feed(data[present.overlap(seen, data) :])
                seen = b""
                await self._answer(console)
                await give_way(READ_PAUSE)
        finally:
            if self._port is console:
                self._port = None

    async def _answer(self, console: Console) -> None:
        """Answer what the guest asks its terminal, but never type while the user only watches."""
        answer = self.terminal.grid.replies() if self.terminal.grid is not None else b""
        if answer and self.terminal.typing:
            await console.write(answer)

    async def _follow(self, tail: Tail) -> None:
        """Read the log alone until it is time to try the socket again."""
        self._fresh.clear()
        try:
            async with asyncio.timeout(RETRY):
                while not self._fresh.is_set():
                    await asyncio.sleep(FOLLOW)
                    await self._catch_up(tail)
        except TimeoutError:
            pass

    def watch_link(self, link: Link) -> None:
        """Show it; a lost connection ends typing."""
        self.terminal.set_class(link.state == "live", "-live")
        self.terminal.set_class(link.state == "opening", "-opening")
        if link.state == "live":
            self.terminal.connected()
        elif link.state != "opening":
            self.terminal.typing = False
        self.refresh_bindings()
        self._show()

    def watch_pasting(self) -> None:
        """Show how far it is."""
        self._show()

    def on_terminal_changed(self, event: Terminal.Changed) -> None:
        """Refresh the two lines; a window of another size is told to the guest."""
        event.stop()
        if self._port is not None and self._fitted != self.terminal.content_size:
            self._port.resize(*self._room())
        self._show()

    def _show(self) -> None:
        if not self.is_mounted:
            return
        terminal = self.terminal
        back, below = terminal.grid.position() if terminal.grid is not None else (0, 0)
        self.query_one(".head", Bar).show(
            *present.header(self.instance, self.link, terminal.typing, self.source, self.pasting))
        found = present.sought(terminal.sought, terminal.match)
        marking = present.marking(terminal.copying, bool(terminal.marks))
        self.query_one(".foot", Bar).show(
            (*marking, *found, *present.status(back, below, terminal.content_size, self.source)))

    def on_terminal_search_wanted(self, event: Terminal.SearchWanted) -> None:
        """Ask what to look for."""
        event.stop()
        self.add_class("-searching")
        self.query_one(Input).value = ""
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Look for it."""
        event.stop()
        self.remove_class("-searching")
        self.terminal.focus()
        self.terminal.find(event.value)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape belongs to others unless there is a search to end, enter unless a shell has ended."""
        if action in ("source", "paste"):
            return self.terminal.typing == (action == "paste") and not self.terminal.copying
        if action == "reopen":
            return self.source == "shell" and self.link.state == "stopped"
        if action == "take_over":
            return self.link.state == "held"
        if action == "size":
            return self.source != "shell" and self.terminal.can_type and not self._busy
        if action == "leave_search":
            return self.has_class("-searching") or bool(self.terminal.sought)
        return True

    def action_source(self) -> None:
        """The next source."""
        self.source = SOURCES[(SOURCES.index(self.source) + 1) % len(SOURCES)]

    def action_reopen(self) -> None:
        """Another shell."""
        self._restart()

    def action_take_over(self) -> None:
        """Ask the other holder for the console."""
        self._taking = True
        self._fresh.set()

    async def action_size(self) -> None:
        """Type what tells the guest the size of the window, as nobody else tells it on a serial port."""
        await self.write(present.stty(*self._room()))

    def action_leave_search(self) -> None:
        """End the search, or only its question."""
        if self.has_class("-searching"):
            self.remove_class("-searching")
        else:
            self.terminal.find("")
        self.terminal.focus()

    async def on_terminal_typed(self, event: Terminal.Typed) -> None:
        """Give keys to the guest."""
        event.stop()
        await self.write(event.data)

    async def write(self, data: bytes) -> None:
        """Type into the guest."""
        if self._port is None:
            return
        try:
            await self._port.write(data)
        except (OSError, LimaError):
            # The reader of the same socket sees the end and says so.
            self._port = None

    def action_full(self) -> None:
        """Give the whole screen to the console, or take it back."""
        if hasattr(self.screen, "zoomed"):
            self.screen.zoomed = not self.screen.zoomed

    def on_focus(self, event: events.Focus) -> None:
        """The terminal is what can be focused."""
        self.terminal.focus()
