"""The YAML editor: Textual's text area with our colours, marks at lines, and text that cannot steer the terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widgets import TextArea
from textual.widgets.text_area import Selection

from limatui.sanitize import sanitize, sanitize_line
from limatui.settings.keymap import named
from limatui.widgets.editor.yamltext import block_lines, patches, place_of
from limatui.widgets.inked import Inked

_NUMBER = 4
_GUTTER = 1 + 1 + _NUMBER + 3
"""Mark, blank, line number, blank, bar of a changed line, blank."""
Mark = tuple[str, str]


class YamlEditor(TextArea, Inked):
    """A text area whose gutter shows problems and changed lines."""

    BINDINGS: ClassVar[list[BindingType]] = named("editor", [
        Binding("ctrl+home", "ends(False)", "begin of the text", show=False),
        Binding("ctrl+end", "ends(True)", "end of the text", show=False),
    ])

    def __init__(self, *, id: str | None = None, read_only: bool = False) -> None:
        super().__init__(id=id, soft_wrap=False, show_line_numbers=True, tab_behavior="indent", compact=True,
                         read_only=read_only, highlight_cursor_line=not read_only)
        self.indent_width = 2
        self.cursor_blink = False
        self.marks: Mapping[int, Mark] = {}
        self.changed: frozenset[int] = frozenset()
        self.typed = False
        """Whether the last key wrote a character."""
        self.take_key: Callable[[str], bool] = lambda key: False
        """Is asked first about each key; whether it took it."""
        self._blocks: frozenset[int] | None = None

    def recolour(self) -> None:
        """Lines are kept in colour."""
        self._repaint()

    def _repaint(self) -> None:
        self._line_cache.clear()
        self.refresh()

    def mark(self, marks: Mapping[int, Mark], changed: frozenset[int]) -> None:
        """Glyph and colour by line number from 0 on, and which lines have a bar."""
        if (marks, changed) != (self.marks, self.changed):
            self.marks, self.changed = dict(marks), changed
            self._repaint()

    def _build_highlight_map(self) -> None:
        """The text changed: what is inside a block may have changed far from the cursor."""
        self._blocks = None
        self._line_cache.clear()

    def get_line(self, line_index: int) -> Text:
        """One line in colour; each harmful character is one visible sign, so that columns stay."""
        raw = self.document.get_line(line_index)
        shown = raw if raw.isprintable() else "".join(map(_one, raw))
        if self._blocks is None:
            self._blocks = block_lines(self.document.lines)
        text = Text(shown, end="", no_wrap=True)
        for patch in patches(raw, in_block=line_index in self._blocks):
            text.stylize(Style(color=self.ink.colour(patch.mark).rich_color), patch.start, patch.end)
        return text

    @property
    def gutter_width(self) -> int:
        """Fixed, so that the text does not move when the hundredth line is typed."""
        return _GUTTER

    def _render_line(self, y: int) -> Strip:
        if self._theme is not None:
            # Only the ground of the cursor's line differs: a colour here would hide those of the text.
            self._theme.cursor_line_style = Style(bgcolor=self.ink.colour(self._cursor_ground).rich_color)
        strip = super()._render_line(y)
        row = y + self.scroll_offset.y
        if row >= self.document.line_count:
            return strip
        return Strip.join([Strip(self._gutter(row), _GUTTER), strip.crop(_GUTTER)])

    @property
    def _cursor_ground(self) -> str:
        """Of its line; the grounds of a poor terminal are too strong for text in many colours."""
        return "ground" if self.app.current_theme.ansi else "raised"

    def _gutter(self, row: int) -> list[Segment]:
        glyph, mark = self.marks.get(row, (" ", "faint"))
        here = row == self.cursor_location[0] and self.has_focus
        style, ground = self.ink.style, self._cursor_ground if here else "ground"
        number = "text-bright bold" if here else "faint"
        return [
            Segment(f"{glyph} ", style(mark, ground)),
            Segment(f"{row + 1:>{_NUMBER}} ", style(number, ground)),
            Segment("▎" if row in self.changed else " ", style("warn", ground)),
            Segment(" ", style("", ground)),
        ]

    async def _on_key(self, event: events.Key) -> None:
        # Textual calls the handler of the base class too. There escape would move the focus: it is for the pane to say.
        self.typed = event.is_printable
        if self.take_key(event.key):
            event.stop()
            event.prevent_default()
        elif event.key == "escape":
            event.prevent_default()
        elif event.key == "enter" and not self.read_only:
            event.stop()
            event.prevent_default()
            self.new_line()

    def new_line(self) -> None:
        """A new line that begins where the fields of this one do, deeper after `key:`."""
        row, column = self.selection.start if self.selection.is_empty else min(self.selection)
        before = self.document.get_line(row)[:column]
        place = place_of(before)
        lead = len(before) - len(before.lstrip()) if place is None or not before.strip() else place.column
        deeper = place is not None and before.rstrip().endswith((":", "|", "|-", ">"))
        self._replace_via_keyboard("\n" + " " * (lead + 2 * deeper), *self.selection)

    def write(self, text: str, row: int, start: int, end: int) -> None:
        """Put `text` in the place of the columns `start` to `end` of a line, as if it were typed."""
        self._replace_via_keyboard(text, (row, start), (row, end))

    async def _on_paste(self, event: events.Paste) -> None:
        """Take text only: control characters never enter the file."""
        event.stop()
        event.prevent_default()
        self._replace_via_keyboard(sanitize(event.text), *self.selection)

    def action_ends(self, last: bool) -> None:
        """To the first place of the text or the last."""
        self.move_cursor(self.document.end if last else (0, 0))

    def go_to(self, row: int, column: int = 0) -> None:
        """Put the cursor on a line, from 0 on."""
        row = max(0, min(row, self.document.line_count - 1))
        place = (row, max(0, min(column, len(self.document.get_line(row)))))
        self.selection = Selection.cursor(place)
        self.scroll_cursor_visible(center=True)

    def mark_found(self, row: int, column: int, length: int) -> None:
        """Select what was found and show it."""
        self.selection = Selection((row, column), (row, column + length))
        self.scroll_cursor_visible(center=True)


def _one(char: str) -> str:
    if char == "\t" or char.isprintable():
        return char
    return (sanitize_line(char) or "\ufffd")[:1]
