"""A terminal as a widget: paints rows that changed, at most 30 times a second; watches, or types into the guest."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from limatui.settings.keymap import named
from limatui.widgets.terminal.copymode import CopyMode
from limatui.widgets.terminal.grid import Cursor, Grid, Match, Mouse
from limatui.widgets.terminal.paint import Paint

FRAME = 1 / 30
WHEEL_ROWS = 3
HISTORY_KEYS = frozenset({"shift+pageup", "shift+pagedown"})
RELEASE = "ctrl+right_square_bracket"
SEARCH_KEYS = frozenset({"f9", "slash", "n", "N"})
RESERVED = frozenset({RELEASE, "f11", "f12"}) | HISTORY_KEYS
"""Keys that never go to the guest; F10 does unless something is marked."""


class Terminal(CopyMode, can_focus=True):
    """Shows a grid that others feed; says what the user typed as `Typed` messages."""

    typing: reactive[bool] = reactive(False)
    BINDINGS: ClassVar[list[BindingType]] = named("console", [
        Binding("enter", "take", "type", key_display="enter"),
        Binding("i", "take", "type", show=False),
        Binding("ctrl+right_square_bracket", "release", "release", key_display="ctrl+]"),
        Binding("shift+pageup,pageup,ctrl+u", "page(-1)", "back", show=False),
        Binding("shift+pagedown,pagedown,ctrl+d", "page(1)", "forward", show=False),
        Binding("k,up", "rows(-1)", "up", show=False),
        Binding("j,down", "rows(1)", "down", show=False),
        Binding("g,home", "rows(-1000000)", "oldest", show=False),
        Binding("G,end", "newest", "newest", show=False),
        Binding("f9", "search", "search", key_display="F9"),
        Binding("slash", "search", "search", show=False),
        Binding("n", "seek(True)", "older", show=False),
        Binding("N", "seek(False)", "newer", show=False),
        Binding("v", "mark", "mark"),
        Binding("f10", "copy", "copy", key_display="F10"),
        Binding("y", "copy", "copy", show=False),
        Binding("escape", "unmark", "unmark", show=False),
    ])

    class Typed(Message):
        """Bytes for the guest."""

        def __init__(self, data: bytes) -> None:
            super().__init__()
            self.data = data

    class Pasted(Message):
        """Text that the user pasted while typing; not yet given to the guest."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class SearchWanted(Message):
        """The user wants to say what to look for."""

    class Changed(Message):
        """Typing, position or size differ."""

        bubble = True

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Terminal.Changed)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.sought = ""
        self.match = Match(0, 0)
        self._painted = 0.0
        self._waiting = False
        self._held = 0
        self._early: list[tuple[str, str | None]] = []
        self._cells: Paint | None = None

    def open(self, grid: Grid) -> None:
        """Show this grid from now on; it is closed with the widget."""
        self.grid = grid
        grid.resize(*self.content_size)
        self.paint()

    def on_mount(self) -> None:
        """Follow the theme."""
        self.watch(self.app, "theme", self._recolour)

    def on_unmount(self) -> None:
        """Free the grid."""
        if self.grid is not None:
            self.grid.close()
            self.grid = None

    def _recolour(self) -> None:
        self._cells = Paint(self.app)
        self.refresh()

    def feed(self, data: bytes) -> None:
        """What the guest printed; painted within a frame."""
        if self.grid is not None and data:
            if self.grid.position()[1] == 0:
                self._unmark()
            self.grid.feed(data)
            self.paint_soon()

    def clear(self) -> None:
        """An empty screen without history."""
        if self.grid is not None:
            self.grid.reset()
            self.find("")
            self.paint_soon()

    def paint_soon(self) -> None:
        """Paint now when the last frame is old enough, else when it is."""
        if self._waiting:
            return
        delay = self._painted + FRAME - monotonic()
        if delay <= 0:
            self.paint()
        else:
            self._waiting = True
            self.set_timer(delay, self.paint)

    def paint(self) -> None:
        """Bring the rows that changed to the screen."""
        self._waiting = False
        self._painted = monotonic()
        if self.grid is None or not self.is_mounted:
            return
        changed = self.grid.refresh()
        self.follow_caret()
        self.follow_marks()
        if changed:
            self.refresh(*(Region(0, first, self.size.width, count) for first, count in spans(changed)))
        self.post_message(self.Changed())

    def on_resize(self) -> None:
        """Give the guest's screen the size of the widget."""
        if self.grid is not None:
            self.grid.resize(*self.content_size)
            self.paint()
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row of cells."""
        width = self.size.width
        if self.grid is None or self._cells is None or y >= len(self.grid.rows):
            return Strip.blank(width, self.rich_style)
        strip = self._cells.strip(self.grid.rows[y], width)
        for start, end, what in self._laid_over(y, self.grid.cursor):
            strip = self._cells.over(strip, start, end, what)
        return strip.apply_style(self.rich_style)

    def _laid_over(self, y: int, cursor: Cursor | None) -> Iterator[tuple[int, int, str]]:
        """From the lowest on: the cells of a row that are not shown as they are."""
        if self.match.y == y:
            yield self.match.start, self.match.end, "found"
        if y in self.marks:
            yield self.marks[y][0], self.marks[y][1] + 1, "marked"
        if self.caret is not None and self.caret.y == y:
            yield self.caret.x, self.caret.x + 1, "caret"
        elif not self.copying and cursor is not None and cursor.y == y:
            yield cursor.x, cursor.x + 1, "typed" if self.typing else "watched"

    def watch_typing(self, typing: bool) -> None:
        """Show who has the keyboard."""
        if not typing:
            self._early.clear()
        self.refresh()
        self.refresh_bindings()
        self.post_message(self.Changed())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The keys of watching, of typing and of copying exclude each other."""
        if action in ("release", "unmark", "seek"):
            return bool({"release": self.typing, "unmark": self.marks, "seek": self.sought}[action])
        if self.typing:
            return bool(self.marks) if action == "copy" else action == "page"
        if action == "take":
            return self.can_type or self.is_opening
        return action != "mark" or not self.copying

    @property
    def can_type(self) -> bool:
        """Whether keys can be given to the guest; the pane says so by the class `-live`."""
        return self.has_class("-live") and self.grid is not None and self.grid.interactive

    @property
    def is_opening(self) -> bool:
        """Whether it will soon be known if keys can be given to the guest; the pane says so by the class `-opening`."""
        return self.has_class("-opening")

    def connected(self) -> None:
        """Type what was typed while it was being opened."""
        early, self._early = self._early, []
        self.typing = self.typing and self.can_type
        if self.typing:
            for key, character in early:
                self._type(key, character)

    def _type(self, key: str, character: str | None) -> None:
        if self.grid is not None and self.can_type:
            self.send(self.grid.key(key, character))
        else:
            self._early.append((key, character))

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """While typing or copying every key but ours is not for the app: Textual then leaves out its bindings."""
        return (self.typing and not self._is_ours(key)) or (self.copying and key not in RESERVED)

    def _is_ours(self, key: str) -> bool:
        return key in RESERVED or (key == "f10" and bool(self.marks))

    async def on_key(self, event: events.Key) -> None:
        """Give the key to the guest, or to the copy mode."""
        if self.typing and not self._is_ours(event.key):
            self._take(event)
            self._type(event.key, event.character)
        elif self.copying and (self.copy_key(event.key) or event.key not in RESERVED | SEARCH_KEYS):
            self._take(event)

    @staticmethod
    def _take(event: events.Key) -> None:
        event.stop()
        event.prevent_default()

    def send(self, data: bytes) -> None:
        """Say that the user typed this, and show the newest rows."""
        if data and self.grid is not None:
            self.grid.scroll_end()
            self.grid.unmark()
            self.paint_soon()
            self.post_message(self.Typed(data))

    def on_paste(self, event: events.Paste) -> None:
        """Hand a paste to the pane, which decides."""
        event.stop()
        if self.typing and self.can_type:
            self.post_message(self.Pasted(event.text))

    def on_blur(self) -> None:
        """Losing the focus gives the keyboard back."""
        self.typing = False

    def action_take(self) -> None:
        """Type into the guest; while it is being opened keys are kept for it, so that none is taken for another."""
        if self.can_type:
            self.end_copying()
        self.typing = self.can_type or self.is_opening

    def action_release(self) -> None:
        """Only watch."""
        self.typing = False

    def action_rows(self, delta: int) -> None:
        """Scroll by rows."""
        if self.grid is not None:
            self._unmark()
            self.grid.scroll(delta)
            self.paint()

    def action_page(self, pages: int) -> None:
        """Scroll by most of a screen."""
        self.action_rows(pages * max(1, self.size.height - 2))

    def action_newest(self) -> None:
        """Follow again."""
        if self.grid is not None:
            self.grid.scroll_end()
            self.paint()

    def action_search(self) -> None:
        """Ask what to look for."""
        self.post_message(self.SearchWanted())

    def find(self, text: str) -> None:
        """Look for this text, and show the newest place; an empty text ends the search."""
        self.sought = text
        self._unmark()
        if self.grid is not None:
            self.grid.scroll_end()
            self.grid.search(text)
            self.action_seek(True)
        self.post_message(self.Changed())

    def action_seek(self, older: bool) -> None:
        """Another place of the text."""
        if self.grid is not None:
            self.match = self.grid.seek(older=older)
            if self.copying and self.match.y >= 0:
                self.put_caret(Cursor(self.match.start, self.match.y))
            self.paint()
            self.refresh()

    def _unmark(self) -> None:
        """What moves is no longer where it was found."""
        if self.match.y >= 0:
            self.match = self.match._replace(y=-1)
            self.refresh()

    def _report(self, kind: str, button: int, event: events.MouseEvent) -> bool:
        """Whether the guest wants to know of the mouse, and was told; shift keeps it for marking."""
        if self.grid is None or not self.typing or event.shift:
            return False
        at = event.get_content_offset_capture(self)
        modifiers = tuple(name for name, on in (("ctrl", event.ctrl), ("alt", event.meta)) if on)
        data = self.grid.mouse(Mouse(kind, button, at.x, at.y, modifiers))
        if data:
            self.post_message(self.Typed(data))
        return bool(data)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A button went down: the guest's, or the begin of a mark."""
        if self._report("down", event.button, event):
            self._held = event.button
            self.capture_mouse()
        elif event.button == 1:
            self.press(event)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The mouse moves, with or without a button."""
        if self.is_dragging:
            self.drag(event)
        else:
            self._report("move", self._held, event)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """A button went up."""
        if not self.let_go() and self._held:
            self._report("up", self._held, event)
            self._held = 0
            self.release_mouse()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Wheel back."""
        self._wheel(event, 4, -WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Wheel forward."""
        self._wheel(event, 5, WHEEL_ROWS)

    def _wheel(self, event: events.MouseEvent, button: int, rows: int) -> None:
        event.stop()
        if not self._report("down", button, event):
            self.action_rows(rows)


def spans(rows: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Sorted row numbers as (first, count) of neighbours."""
    first = last = rows[0]
    for row in rows[1:]:
        if row != last + 1:
            yield first, last - first + 1
            first = row
        last = row
    yield first, last - first + 1
