"""Cells of a terminal in the colours of the theme."""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len
from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.strip import Strip

from limatui.present import ansi
from limatui.widgets.terminal.grid import Color, Look, Row

_OVER = {"watched": ("text-bright", "hairline"), "typed": ("ground", "accent-key"), "caret": ("ground", "accent-key"),
         "found": ("ground", "warn"), "marked": ("ground", "text-bright")}
"""What is laid over cells, in two tokens: letters and ground."""


class Paint:
    """Looks as styles of the theme that the app has now."""

    def __init__(self, app: App[object]) -> None:
        self._tokens, self._ansi = app.get_css_variables(), app.native_ansi_color
        self._palette = ansi.palette(app.theme, app.current_theme.dark)
        self.style = lru_cache(maxsize=1024)(self._style)

    def strip(self, row: Row, width: int) -> Strip:
        """A row of cells."""
        segments = [Segment(" " * len(text) if look.hidden else text, self.style(look)) for text, look in row]
        return Strip(segments).adjust_cell_length(width)

    def over(self, strip: Strip, start: int, end: int, what: str) -> Strip:
        """The cells from `start` up to `end` as the text cursor, a find or what is marked; wide ones as a whole."""
        start = max(0, min(start, strip.cell_length - 1))
        end = max(end, start + _cell_width(strip, start))
        style = self._over(what)
        laid = Strip(Segment.apply_style(strip.crop(start, end), post_style=style), min(end, strip.cell_length) - start)
        return Strip.join([strip.crop(0, start), laid, strip.crop(end)])

    def _over(self, what: str) -> Style:
        if self._ansi and what != "watched":
            return Style(color="default", bgcolor="default", reverse=True, dim=False)
        color, ground = (_token(self._tokens, name) for name in _OVER[what])
        return Style(color=color, bgcolor=ground, reverse=False, dim=False)

    def _style(self, look: Look) -> Style:
        color, ground = self._colors(look)
        return Style(
            color=color, bgcolor=ground, bold=look.bold or None, dim=look.dim or None, italic=look.italic or None,
            underline=look.underline or None, strike=look.strike or None, reverse=look.inverse or None,
        )

    def _colors(self, look: Look) -> tuple[RichColor | None, RichColor | None]:
        if self._ansi:
            return _native(look.fg), _native(look.bg)
        ground = self._rgb(look.bg)
        if look.fg is None and ground is None:
            return None, None
        letters = self._rgb(look.fg) or self._token("text-bright")
        # What the guest chose by number is ours to make readable; what it chose exactly stays.
        if not isinstance(look.fg, tuple) or not isinstance(look.bg, tuple):
            letters = ansi.readable(letters, ground or self._token("ground"))
        return RichColor.from_rgb(*letters), RichColor.from_rgb(*ground) if ground is not None else None

    def _rgb(self, color: Color) -> ansi.RGB | None:
        if color is None or isinstance(color, tuple):
            return color
        return self._palette[color] if color < 16 else _exact(RichColor.from_ansi(color))

    def _token(self, name: str) -> ansi.RGB:
        return _exact(_token(self._tokens, name))


def _exact(color: RichColor) -> ansi.RGB:
    red, green, blue = color.get_truecolor()
    return red, green, blue


def _native(color: Color) -> RichColor | None:
    if color is None:
        return None
    return RichColor.from_rgb(*color) if isinstance(color, tuple) else RichColor.from_ansi(color)


def _cell_width(strip: Strip, x: int) -> int:
    return 2 if cell_len(strip.crop(x, x + 2).text.strip()[:1]) == 2 else 1


@lru_cache(maxsize=64)
def _parse(text: str) -> RichColor:
    return RichColor.parse(text.removeprefix("ansi_"))


def _token(tokens: dict[str, str], name: str) -> RichColor:
    return _parse(tokens.get(name, "ansi_default"))
