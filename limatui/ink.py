"""Lines of marked text, and how they become strips: the one way in which our own widgets put text on the screen.

A span is `(text, marks)`; marks are words: a colour token (`dim`, `running`, …) and `bold`, `italic`, `reverse`.
Everything is made safe here once more, so a line may carry guest text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.strip import Strip

from limatui.sanitize import sanitize_line

Span = tuple[str, str]
Line = tuple[Span, ...]

BLANK: Line = ()
_BETWEEN = 2
"""Cells that are free between what stands at the two edges."""


def line(*parts: str | Span) -> Line:
    """A line of spans; a plain string is a span in the usual colour."""
    return tuple((part, "") if isinstance(part, str) else part for part in parts)


def plain(spans: Line) -> str:
    """The text alone."""
    return "".join(text for text, _ in spans)


def width(spans: Line) -> int:
    """Cells that the line takes."""
    return sum(cell_len(text) for text, _ in spans)


def fit(text: str, cells: int, *, right: bool = False) -> str:
    """`text` in exactly `cells` cells: cut with `…`, padded on the right (or the left when `right`)."""
    size = cell_len(text)
    if size > cells:
        return set_cell_size(text, cells - 1) + "…" if cells > 0 else ""
    pad = " " * (cells - size)
    return pad + text if right else text + pad


def cut(spans: Line, cells: int) -> Line:
    """The line in at most `cells` cells, the last span cut with `…`."""
    kept: list[Span] = []
    left = cells
    for text, marks in spans:
        size = cell_len(text)
        if size > left:
            kept.append((fit(text, left), marks))
            break
        kept.append((text, marks))
        left -= size
    return tuple(kept)


def shed(spans: Line, cells: int) -> Line:
    """The line in at most `cells` cells: whole spans go from the end, what must stay is cut."""
    kept = spans
    while len(kept) > 1 and width(kept) > cells:
        kept = kept[:-1]
    return cut(kept, cells)


def pad(spans: Line, cells: int) -> Line:
    """The line in exactly `cells` cells."""
    short = cut(spans, cells)
    missing = cells - width(short)
    return (*short, (" " * missing, "")) if missing else short


def spread(left: Line, right: Line, cells: int) -> Line:
    """`left` at the left edge, `right` at the right edge, something between; `left` is cut first."""
    room = max(0, cells - width(right))
    return (*pad(cut(left, room - _BETWEEN if right else room), room), *cut(right, cells))


def beside(left: Iterable[Line], right: Iterable[Line], column: int) -> tuple[Line, ...]:
    """Two blocks side by side, the second from `column` on, the first cut two cells before it."""
    first, second = list(left), list(right)
    rows = max(len(first), len(second))
    first += [BLANK] * (rows - len(first))
    second += [BLANK] * (rows - len(second))
    return tuple((*pad(shed(a, column - 2), column), *b) if b else a for a, b in zip(first, second, strict=True))


def indent(lines: Iterable[Line], cells: int) -> tuple[Line, ...]:
    """Every line moved right."""
    return tuple(((" " * cells, ""), *each) if each else each for each in lines)


_DEFAULT, _GREY, _WHITE, _BRIGHT = -1, 8, 15, 8


def _brighter(colour: Color) -> Color:
    """What can be read on one of the eight grounds of a poor terminal."""
    if colour.ansi is None or colour.ansi > _GREY:
        return colour
    number = {_DEFAULT: _WHITE, _GREY: _WHITE - _BRIGHT}.get(colour.ansi, colour.ansi + _BRIGHT)
    return Color(*Color.parse("ansi_white").rgb, ansi=number)


class Ink:
    """Marks as styles of one theme."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = dict(variables)
        self.style = lru_cache(maxsize=512)(self._style)

    def colour(self, token: str) -> Color:
        """The colour of a token such as `raised`."""
        return Color.parse(self._variables.get(token, "ansi_default"))

    def _style(self, marks: str, ground: str = "") -> Style:
        words = marks.split()
        tokens = [word for word in words if word in self._variables]
        front, back = self.colour(tokens[-1] if tokens else "text-bright"), self.colour(ground or "ground")
        return Style(
            color=(_brighter(front) if back.ansi not in (None, -1) else front).rich_color, bgcolor=back.rich_color,
            bold="bold" in words, italic="italic" in words, underline="underline" in words,
            reverse="reverse" in words,
        )

    def strip(self, spans: Line, cells: int, ground: str = "") -> Strip:
        """The line as exactly `cells` cells on the colour `ground`."""
        safe = tuple((sanitize_line(text), marks) for text, marks in spans if text)
        return Strip([Segment(text, self.style(marks, ground)) for text, marks in pad(safe, cells)], cells)
