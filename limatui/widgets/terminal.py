"""A terminal as a widget: paints rows that changed, at most 30 times a second; watches, or types into the guest."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from time import monotonic
from typing import ClassVar

from rich.cells import cell_len
from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from limatui.widgets.background import begin
from limatui.widgets.copying import copy_lines
from limatui.widgets.grid import Color, Cursor, Grid, Look, Match, row_text

FRAME = 1 / 30
WHEEL_ROWS = 3
HISTORY_KEYS = frozenset({"shift+pageup", "shift+pagedown"})
RELEASE = "ctrl+right_square_bracket"
RESERVED = frozenset({RELEASE, "f9", "f10", "f11", "f12"}) | HISTORY_KEYS
"""Keys that never go to the guest."""
ANSI_TOKENS = ("hairline", "bad", "running", "warn", "number", "protected", "number", "text-bright")
_BRIGHT = ("faint", "bad", "running", "warn", "number", "protected", "number", "text-bright")


class Terminal(Widget, can_focus=True):
    """Shows a grid that others feed; says what the user typed as `Typed` messages."""

    typing: reactive[bool] = reactive(False)
    BINDINGS: ClassVar[list[BindingType]] = [
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
        Binding("f10", "copy", "copy", key_display="F10"),
    ]

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
        self.grid: Grid | None = None
        self.copied = ""
        self.sought = ""
        self.match = Match(0, 0)
        self._painted = 0.0
        self._waiting = False
        self._style = lru_cache(maxsize=1024)(self._make_style)

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
        self._style = lru_cache(maxsize=1024)(self._make_style)
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
        if self.grid is None or y >= len(self.grid.rows):
            return Strip.blank(width, self.rich_style)
        runs = self.grid.rows[y]
        cursor = self.grid.cursor
        segments = [Segment(" " * len(text) if look.hidden else text, self._style(look)) for text, look in runs]
        strip = Strip(segments).adjust_cell_length(width)
        if cursor is not None and cursor.y == y:
            strip = self._with_cursor(strip, cursor)
        if self.match.y == y:
            strip = self._marked(strip, self.match.start, self.match.end, Style(reverse=True))
        strip = self._with_selection(strip, y).apply_style(self.rich_style)
        return strip.apply_offsets(0, y)

    def _with_cursor(self, strip: Strip, cursor: Cursor) -> Strip:
        x = min(cursor.x, strip.cell_length - 1)
        return self._marked(strip, x, x + self._cell_width(strip, x), self._cursor_style())

    @staticmethod
    def _cell_width(strip: Strip, x: int) -> int:
        return 2 if cell_len(strip.crop(x, x + 2).text.strip()[:1]) == 2 else 1

    def _cursor_style(self) -> Style:
        tokens = self.app.get_css_variables()
        ground = "accent-key" if self.typing else "hairline"
        return Style(color=_token(tokens, "ground" if self.typing else "text-bright"), bgcolor=_token(tokens, ground))

    def _with_selection(self, strip: Strip, y: int) -> Strip:
        selection = self.text_selection
        span = selection.get_span(y) if selection is not None else None
        if span is None:
            return strip
        end = strip.cell_length if span[1] == -1 else min(span[1], strip.cell_length)
        return self._marked(strip, min(span[0], end), end, self.screen.get_component_rich_style("screen--selection"))

    @staticmethod
    def _marked(strip: Strip, start: int, end: int, style: Style) -> Strip:
        return Strip.join([strip.crop(0, start), strip.crop(start, end).apply_style(style), strip.crop(end)])

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text of the visible rows."""
        if self.grid is None:
            return None
        # A blank keeps an empty row: without it the numbers of the rows below would not match the selection.
        return selection.extract("\n".join(row_text(row) or " " for row in self.grid.rows)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Repaint with another selection."""
        self.refresh()

    def _make_style(self, look: Look) -> Style:
        return Style(
            color=self._color(look.fg), bgcolor=self._color(look.bg), bold=look.bold or None, dim=look.dim or None,
            italic=look.italic or None, underline=look.underline or None, strike=look.strike or None,
            reverse=look.inverse or None,
        )

    def _color(self, color: Color) -> RichColor | None:
        if color is None:
            return None
        if isinstance(color, tuple):
            return RichColor.from_rgb(*color)
        if color >= 16 or self.app.native_ansi_color:
            return RichColor.from_ansi(color)
        return _token(self.app.get_css_variables(), (ANSI_TOKENS + _BRIGHT)[color])

    def watch_typing(self, typing: bool) -> None:
        """Show who has the keyboard."""
        self.refresh()
        self.refresh_bindings()
        self.post_message(self.Changed())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The keys of watching and of typing exclude each other."""
        if action == "release":
            return self.typing
        if action == "take":
            return not self.typing and self.can_type
        if action == "seek":
            return bool(self.sought)
        return True

    @property
    def can_type(self) -> bool:
        """Whether keys can be given to the guest; the pane says so by the class `-live`."""
        return self.has_class("-live") and self.grid is not None and self.grid.interactive

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """While typing every key but ours belongs to the guest: Textual then leaves out the bindings of the app."""
        return self.typing and key not in RESERVED

    async def on_key(self, event: events.Key) -> None:
        """Give the key to the guest."""
        if not self.typing or event.key in RESERVED or self.grid is None:
            return
        event.stop()
        event.prevent_default()
        self.send(self.grid.key(event.key, event.character))

    def send(self, data: bytes) -> None:
        """Say that the user typed this, and show the newest rows."""
        if data and self.grid is not None:
            self.grid.scroll_end()
            self.paint_soon()
            self.post_message(self.Typed(data))

    def on_paste(self, event: events.Paste) -> None:
        """Hand a paste to the pane, which decides."""
        event.stop()
        if self.typing:
            self.post_message(self.Pasted(event.text))

    def on_blur(self) -> None:
        """Losing the focus gives the keyboard back."""
        self.typing = False

    def action_take(self) -> None:
        """Type into the guest."""
        self.typing = self.can_type

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
            self.paint()
            self.refresh()

    def _unmark(self) -> None:
        """What moves is no longer where it was found."""
        if self.match.y >= 0:
            self.match = self.match._replace(y=-1)
            self.refresh()

    def action_copy(self) -> None:
        """Copy the selection, or all that is visible."""
        self.copied = self.screen.get_selected_text() or (self.grid.text() if self.grid is not None else "")
        begin(self, "copy", partial(copy_lines, self, self.copied))

    def _report(self, kind: str, button: int, event: events.MouseEvent) -> bool:
        data = self.grid.mouse(kind, button, event.x, event.y) if self.grid is not None and self.typing else b""
        if data:
            self.post_message(self.Typed(data))
        return bool(data)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A button went down."""
        self._report("down", event.button - 1, event)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """A button went up."""
        self._report("up", event.button - 1, event)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Wheel back."""
        event.stop()
        if not self._report("down", 64, event):
            self.action_rows(-WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Wheel forward."""
        event.stop()
        if not self._report("down", 65, event):
            self.action_rows(WHEEL_ROWS)


def spans(rows: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Sorted row numbers as (first, count) of neighbours."""
    first = last = rows[0]
    for row in rows[1:]:
        if row != last + 1:
            yield first, last - first + 1
            first = row
        last = row
    yield first, last - first + 1


@lru_cache(maxsize=64)
def _parse(text: str) -> RichColor:
    return RichColor.parse(text.removeprefix("ansi_"))


def _token(tokens: dict[str, str], name: str) -> RichColor:
    return _parse(tokens.get(name, "ansi_default"))

