"""A log as a widget: draws the lines of one page; a thread reads the file, so that no disk and no flood stops a key."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic
from typing import ClassVar, NamedTuple

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.worker import Worker

from limatui.widgets.background import begin
from limatui.widgets.copying import copy_lines
from limatui.widgets.inked import Inked
from limatui.widgets.logfile import Hunt, Page, Search, Viewer
from limatui.widgets.logline import shifted, shown, with_hits

BUSY_POLL, IDLE_POLL = 0.05, 0.25
"""Seconds between looks at the file: 20 pages a second while it grows, 4 while it does not."""
TURN = 0.02
"""Seconds that a search may take before keys get their turn."""
WHEEL_ROWS = 3
SHIFT = 16

Move = Callable[[Viewer], None]


class Found(NamedTuple):
    """What a search knows: text, place of the current find, its number and how many there are so far."""

    text: str = ""
    at: int | None = None
    number: int = 0
    total: int = 0
    counting: bool = False
    looking: bool = False
    wrapped: bool = False


class Reading:
    """What the reading thread owns: the window on the file and the search in it. One turn at a time."""

    def __init__(self, path: Path) -> None:
        self.viewer = Viewer(path)
        self.search: Search | None = None
        self._hunt: Hunt | None = None
        self._at: int | None = None
        self._lock = threading.Lock()

    def turn(self, moves: list[Move], orders: list[tuple[str, str]], height: int) -> tuple[Page, Found]:
        """Carry out what was asked, search on for a moment, and give what is to be shown."""
        with self._lock:
            page = self.viewer.page(height)
            if page.restarted and self.search is not None:
                self.search, self._hunt, self._at = Search(self.viewer.file, self.search.needle.text), None, None
            for order, text in orders:
                self._order(order, text, page)
            for move in moves:
                move(self.viewer)
            self._advance()
            if moves or orders or self._hunt is not None:
                page = self.viewer.page(height)
            return page, self._found()

    def _order(self, order: str, text: str, page: Page) -> None:
        if order == "find":
            self.search, self._at = (Search(self.viewer.file, text) if text else None), None
        if self.search is None:
            self._hunt = None
        elif order == "back":
            self._hunt = Hunt(self.search, page.top if self._at is None else self._at, forward=False)
        else:
            self._hunt = Hunt(self.search, page.top if self._at is None else self._at + 1)

    def _advance(self) -> None:
        end = monotonic() + TURN
        while self._hunt is not None and not self._hunt.over and monotonic() < end:
            self._hunt.step()
            if self._hunt.found is not None:
                self._at = self._hunt.found
                self.viewer.show(self._at)
        while self.search is not None and not self.search.done and monotonic() < end:
            self.search.scan()

    @property
    def busy(self) -> bool:
        """Whether a search wants another turn."""
        hunting = self._hunt is not None and not self._hunt.over
        return hunting or (self.search is not None and not self.search.done)

    def _found(self) -> Found:
        if self.search is None:
            return Found()
        hunt, number = self._hunt, self.search.number(self._at) if self._at is not None else 0
        return Found(self.search.needle.text, self._at, number, self.search.count, not self.search.done,
                     hunt is not None and not hunt.over, hunt is not None and hunt.wrapped and hunt.found is not None)

    def close(self) -> None:
        """Close the file when the turn that may be running has ended."""
        with self._lock:
            self.viewer.close()


class LogView(Inked, can_focus=True):
    """Shows one log file; sticks to its end until moved up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k,up", "rows(-1)", "up", show=False),
        Binding("j,down", "rows(1)", "down", show=False),
        Binding("pageup,ctrl+u,b", "pages(-1)", "back", show=False),
        Binding("pagedown,ctrl+d,space", "pages(1)", "forward", show=False),
        Binding("g", "oldest", "first line"),
        Binding("G", "newest", "follow"),
        Binding("home", "oldest", "first line", show=False),
        Binding("end,F", "newest", "follow", show=False),
        Binding("n", "again('next')", "next"),
        Binding("N", "again('back')", "previous"),
        Binding("left", "shift(-1)", "left", show=False),
        Binding("right", "shift(1)", "right", show=False),
        Binding("y", "copy", "copy"),
    ]

    class Changed(Message):
        """Another page or another find."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LogView.Changed)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.page = Page()
        self.found = Found()
        self._path: Path | None = None
        self._json = False
        self._shift = 0
        self._moves: list[Move] = []
        self._orders: list[tuple[str, str]] = []
        self._asked = asyncio.Event()
        self._reader: Worker[None] | None = None

    def open(self, path: Path | None, *, json: bool = False) -> None:
        """Show this file from its end; None shows nothing and reads nothing."""
        self.close()
        self._path, self._json, self._shift = path, json, 0
        self._moves.clear()
        self._orders.clear()
        self._accept(Page(), Found())
        if path is not None:
            self._reader = begin(self, "logview", partial(self._read, path))

    def close(self) -> None:
        """Stop reading; what is shown stays."""
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

    async def _read(self, path: Path) -> None:
        reading = Reading(path)
        try:
            while True:
                self._asked.clear()
                moves, self._moves = self._moves, []
                orders, self._orders = self._orders, []
                before = self.page.size
                page, found = await asyncio.to_thread(reading.turn, moves, orders, self.content_size.height)
                self._accept(page, found)
                if not reading.busy:
                    await self._rest(BUSY_POLL if page.size != before else IDLE_POLL)
        finally:
            # A turn may still run in its thread: the file is closed behind it, without waiting here.
            asyncio.get_running_loop().run_in_executor(None, reading.close)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._asked.wait()
        except TimeoutError:
            pass

    def _accept(self, page: Page, found: Found) -> None:
        if (page, found) == (self.page, self.found):
            return
        if found.text != self.found.text:
            self.call_next(self.refresh_bindings)
        if page.lines != self.page.lines or (found.text, found.at) != (self.found.text, self.found.at):
            self.refresh()
        self.page, self.found = page, found
        self.post_message(self.Changed())

    def render_line(self, y: int) -> Strip:
        """One line of the log."""
        width, lines = self.content_size.width, self.page.lines
        if y >= len(lines):
            return self.ink.strip((), width)
        line = lines[y]
        spans = shown(line, self._json)
        if self.found.text:
            spans = with_hits(spans, self.found.text)
        here = self.found.at is not None and line.start <= self.found.at < line.end
        return self.ink.strip(shifted(spans, self._shift), width, "raised" if here else "ground")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Next and previous exist once there is a search."""
        return bool(self.found.text) if action == "again" else True

    def on_resize(self) -> None:
        """Another height: another page."""
        self._asked.set()

    def _go(self, move: Move) -> None:
        self._moves.append(move)
        self._asked.set()

    def find(self, text: str) -> None:
        """Look for this text from the first visible line on; an empty text ends the search."""
        self._orders.append(("find", text))
        self._asked.set()

    def action_again(self, order: str) -> None:
        """The next or the previous find."""
        self._orders.append((order, ""))
        self._asked.set()

    def action_rows(self, rows: int) -> None:
        """Move by lines."""
        self._go(lambda viewer: viewer.move(rows))

    def action_pages(self, pages: int) -> None:
        """Move by most of a page."""
        self.action_rows(pages * max(1, self.content_size.height - 2))

    def action_oldest(self) -> None:
        """The first line."""
        self._go(Viewer.start)

    def action_newest(self) -> None:
        """The last line, and follow."""
        self._go(Viewer.end)

    def action_shift(self, direction: int) -> None:
        """Move long lines sideways."""
        self._shift = max(0, self._shift + direction * SHIFT)
        self.refresh()

    def action_copy(self) -> None:
        """Copy the visible lines."""
        lines = ["".join(text for text, _ in shown(line, self._json)) for line in self.page.lines]
        begin(self, "copy", partial(copy_lines, self, "\n".join(lines)))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Wheel up."""
        event.stop()
        self.action_rows(-WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Wheel down."""
        event.stop()
        self.action_rows(WHEEL_ROWS)
