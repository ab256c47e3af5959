"""Logs as a widget: draws the lines of one page; a thread reads the files, so that no disk and no flood stops a key."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.worker import Worker

from limacore.mounts import inotify
from limatui.ink import plain
from limatui.logs.reading import Found, Order, Reading
from limatui.logs.sift import EVERYTHING, Wanted
from limatui.logs.track import Source
from limatui.logs.window import Page
from limatui.present.logs import instead
from limatui.settings.keymap import named
from limatui.widgets.background import begin
from limatui.widgets.copying import copy_lines
from limatui.widgets.inked import Inked
from limatui.widgets.logs.rows import Look, Row, Screen, before, body, rows

BUSY_POLL, IDLE_POLL = 0.05, 0.25
"""Seconds between looks at the files: 20 pages a second while they grow, 4 while they do not."""
WHEEL_ROWS = 3
SHIFT = 16
_MARGIN = 1


class LogView(Inked, can_focus=True):
    """Shows one log, or several merged by time; sticks to the end until moved up."""

    BINDINGS: ClassVar[list[BindingType]] = named("logs", [
        Binding("k,up", "rows(-1)", "up", show=False),
        Binding("j,down", "rows(1)", "down", show=False),
        Binding("pageup,ctrl+u,b", "pages(-1)", "back", show=False),
        Binding("pagedown,ctrl+d,space", "pages(1)", "forward", show=False),
        Binding("g,home", "oldest", "first line", show=False),
        Binding("G,end,F", "newest", "follow", show=False),
        Binding("left", "shift(-1)", "left", show=False),
        Binding("right", "shift(1)", "right", show=False),
    ])

    class Changed(Message):
        """Another page or another find."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LogView.Changed)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.page = Page()
        self.found = Found()
        self.wanted = EVERYTHING
        self.sought = ""
        self.look = Look()
        self.sources: tuple[Source, ...] = ()
        self._cursor = 0
        self._held = False
        self._unfolded: set[tuple[int, int]] = set()
        self._rows: list[Row] | None = None
        self._orders: list[Order] = []
        self._asked = asyncio.Event()
        self._reader: Worker[None] | None = None

    # --- reading

    def open(self, sources: Sequence[Source]) -> None:
        """Show these logs from their end, several of them merged by time, searched and filtered as the ones before;
        none shows nothing and reads nothing."""
        self.close()
        self.sources = tuple(sources)
        many = len(self.sources) > 1
        self.look = self.look._replace(
            json=tuple(source.log.json for source in self.sources), times=many, clock=not many, shift=0,
            tags=tuple(source.tag for source in self.sources) if many else ())
        self._orders.clear()
        self._unfolded.clear()
        self._accept(Page(), Found(self.sought))
        if self.sources:
            self._reader = begin(self, "logview", partial(self._read, self.sources))

    def close(self) -> None:
        """Stop reading; what is shown stays."""
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None
        self.workers.cancel_group(self, "logview-hear")

    async def _read(self, sources: Sequence[Source]) -> None:
        reading = await asyncio.to_thread(
            partial(Reading, sources, timed=self.look.times, wanted=self.wanted, sought=self.sought))
        try:
            while True:
                self._asked.clear()
                orders, self._orders = self._orders, []
                before = self.page.size
                page, found = await asyncio.to_thread(self._turn, reading, orders)
                # A page that was made before the thread heard that the user moved would take the cursor away again.
                self._held = self._held and bool(self._orders)
                self._accept(page._replace(at_end=page.at_end and not self._held), found)
                if page.restarted and len(sources) == 1:
                    begin(self, "logview-hear", partial(self._hear, sources[0].log.path))
                if not reading.busy and not page.looking:
                    await self._rest(BUSY_POLL if page.size != before else IDLE_POLL)
        finally:
            # A turn may still run in its thread: the files are closed behind it, without waiting here.
            asyncio.get_running_loop().run_in_executor(None, reading.close)

    async def _hear(self, path: Path) -> None:
        """Look at once when the file is written, where the system tells; looks by the clock find what it does not."""
        with contextlib.suppress(OSError), inotify.changing(path) as changed:  # too many watched on this computer
            while changed is not None:
                await changed()
                self._asked.set()
                await asyncio.sleep(BUSY_POLL)

    def _turn(self, reading: Reading, orders: Sequence[Order]) -> tuple[Page, Found]:
        """In the thread; lines are taken apart here, since one may be 8 KB of colours."""
        page, found = reading.turn(orders, self.size.height)
        for line in page.lines:
            body(line, self.look)
        return page, found

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._asked.wait()
        except TimeoutError:
            pass

    def _accept(self, page: Page, found: Found) -> None:
        if (page, found) == (self.page, self.found):
            return
        if page.restarted:
            self._unfolded.clear()
        moved = (found.track, found.at) != (self.found.track, self.found.at)
        if _drawn(page, found) != _drawn(self.page, self.found):
            self.redraw()
        self.page, self.found = page, found
        self.look = self.look._replace(needle=found.text)
        if page.at_end:
            self._cursor = len(page.lines) - 1
        elif moved and found.at is not None:
            self._cursor = next((number for number, line in enumerate(page.lines) if line.track == found.track
                                 and line.start <= found.at < line.end), self._cursor)
        self._cursor = max(0, min(self._cursor, len(page.lines) - 1))
        self.post_message(self.Changed())

    def order(self, order: Order) -> None:
        """Have the thread do something in its next turn."""
        self._orders.append(order)
        self._asked.set()

    def _go(self, name: str, *arguments: int) -> None:
        self.order(lambda reading: getattr(reading.window, name)(*arguments))

    def find(self, text: str) -> None:
        """Look for this text from the first visible line on; an empty text ends the search."""
        self.sought = text
        self.order(lambda reading: reading.find(text))

    def ask(self, on: bool) -> None:
        """A filter begins, or has ended, to be typed."""
        self.order(lambda reading: reading.ask(on))

    def choose(self, wanted: Wanted) -> None:
        """Show only lines with these texts, of this level and above."""
        if wanted != self.wanted:
            self.wanted = wanted
            self.order(lambda reading: reading.choose(wanted))

    # --- drawing

    def redraw(self) -> None:
        """Make the rows again."""
        self._rows = None
        self.refresh()

    @property
    def rows(self) -> list[Row]:
        """What is seen of the page: less of it where lines are wrapped or unfolded."""
        if self._rows is None:
            width, height = self.size
            screen = Screen(width - _MARGIN - 1, max(1, height), self._cursor)
            self._rows = rows(self.page.lines, self.look, self._unfolded, screen)
        return self._rows

    def render_line(self, y: int) -> Strip:
        """One row."""
        width = self.size.width
        if y >= len(self.rows):
            return self.ink.strip((("  ", ""), *instead(self.page)) if y == 1 else (), width)
        row = self.rows[y]
        here = row.line == self._cursor and not self.page.at_end
        mark = ("▎", "accent-key" if self.has_focus else "hairline") if here else (" ", "")
        return self.ink.strip((mark, *row.text), width, "raised" if here else "ground")

    def watch_has_focus(self, focused: bool) -> None:
        """The cursor shows who has the keyboard."""
        super().watch_has_focus(focused)
        self.refresh()

    def on_resize(self) -> None:
        """Another height: another page."""
        self.redraw()
        self._asked.set()

    # --- moving

    def action_again(self, forward: bool) -> None:
        """The next or the previous find."""
        self.order(lambda reading: reading.again(forward=forward))

    def action_rows(self, step: int) -> None:
        """Move the cursor by lines, and the window where it must."""
        at = self._cursor + step
        if 0 <= at < len(self.page.lines):
            self._cursor, self._held = at, True
            self.page = self.page._replace(at_end=False)
            self._go("hold")
            self.redraw()
        elif step < 0 or not self.page.at_end:
            self._go("move", step)

    def action_pages(self, pages: int) -> None:
        """Move by most of a page."""
        self._go("move", pages * max(1, self.size.height - 2))

    def action_oldest(self) -> None:
        """The first line."""
        self._cursor, self._held = 0, True
        self.order(lambda reading: reading.window.start())

    def action_newest(self) -> None:
        """The last line, and follow."""
        self._held = False
        self._go("end")

    def action_shift(self, direction: int) -> None:
        """Move long lines sideways."""
        self._change(shift=max(0, self.look.shift + direction * SHIFT))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Wheel up."""
        event.stop()
        self._go("move", -WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Wheel down."""
        event.stop()
        self._go("move", WHEEL_ROWS)

    def on_click(self, event: events.Click) -> None:
        """The line under the pointer."""
        if event.y < len(self.rows):
            self.action_rows(self.rows[event.y].line - self._cursor)

    # --- how lines look

    def _change(self, **changes: object) -> None:
        self.look = self.look._replace(**changes)  # type: ignore[arg-type]
        self.redraw()
        self.post_message(self.Changed())

    def action_wrap(self) -> None:
        """Long lines in several rows, or cut."""
        self._change(wrap=not self.look.wrap, shift=0)

    def action_raw(self) -> None:
        """JSON and colours as they are in the file, or in words."""
        self._change(raw=not self.look.raw)

    def action_times(self) -> None:
        """Show or hide when lines were written."""
        if len(self.sources) == 1 and self.sources[0].log.json:
            self._change(clock=not self.look.clock)
            return
        on = not self.look.times
        self.order(lambda reading: reading.time_lines(on or len(self.sources) > 1))
        self._change(times=on)

    def action_fold(self) -> None:
        """Show all of the line under the cursor: the whole JSON, the whole text; or one row of it again."""
        if self._cursor < len(self.page.lines):
            line = self.page.lines[self._cursor]
            self._unfolded ^= {(line.track, line.start)}
            self.redraw()

    def action_copy(self, all_of_them: bool) -> None:
        """Copy the line under the cursor, or the visible ones."""
        lines = self.page.lines if all_of_them else self.page.lines[self._cursor : self._cursor + 1]
        texts = [plain((*before(line, self.look), *body(line, self.look))) for line in lines]
        begin(self, "copy", partial(copy_lines, self, "\n".join(texts)))


def _drawn(page: Page, found: Found) -> tuple[object, ...]:
    return page.lines, page.at_end, instead(page), found.track, found.at, found.text
