"""The screen of a running app as SVG and PNG: letters as text, bars and dots as shapes, the way good terminals draw."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual.app import App

WIDTH, HEIGHT, SIZE = 11, 22, 18.25
"""Of a cell and of the letters, in pixels: DejaVu's letters of that size are 11 wide."""
TOP, EDGE, BASE = 36, 8, 16
"""Above the rows, around them, and from the top of a row to the line that letters stand on."""
HAS_CONVERTER = shutil.which("rsvg-convert") is not None
_BARS = "▁▂▃▄▅▆▇█"
_LINES = {"━": (0.0, 1.0, 2.4), "╸": (0.0, 0.5, 2.4), "╺": (0.5, 1.0, 2.4), "─": (0.0, 1.0, 1.0)}
_RUNS = _BARS + "━─"
_SIXTEEN = TerminalTheme(
    (16, 16, 16), (208, 208, 208),
    [(0, 0, 0), (205, 60, 60), (40, 175, 90), (205, 170, 40), (40, 80, 160), (190, 90, 190), (50, 165, 195),
     (210, 210, 210)],
    [(115, 120, 125), (245, 100, 95), (95, 220, 125), (245, 215, 90), (90, 150, 240), (215, 140, 225), (105, 210, 235),
     (255, 255, 255)],
)  # fmt: skip
"""The colours of a terminal that has sixteen."""
_DOTS = ((0, 0, 1), (0, 1, 2), (0, 2, 4), (1, 0, 8), (1, 1, 16), (1, 2, 32), (0, 3, 64), (1, 3, 128))


def svg(app: App[Any], title: str = "limatui") -> str:
    """The screen as an SVG text."""
    _, text = colours(app)
    return page(app, "".join((heading(app, text, title), *rows(app))))


def colours(app: App[Any]) -> tuple[str, str]:
    """The ground and the usual colour of text."""
    ground, text = (app.theme_variables[name] for name in ("ground", "text-bright"))
    return ("#101010", "#d0d0d0") if ground.startswith("ansi_") else (ground, text)  # or what the terminal has


def page(app: App[Any], body: str, style: str = "") -> str:
    """A window with `body` in it."""
    width, height = app.size.width * WIDTH + 2 * EDGE, app.size.height * HEIGHT + TOP + EDGE
    lights = "".join(f'<circle cx="{22 + 20 * n}" cy="18" r="6.5" fill="{c}"/>'
                     for n, c in enumerate(("#ff5f57", "#febc2e", "#28c840")))
    ground, text = colours(app)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" fill="{text}" '
        f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{SIZE}" xml:space="preserve">{style}'
        f'<rect width="100%" height="100%" rx="8" fill="{ground}" stroke="#3a414b"/>{lights}{_dots(body)}{body}</svg>'
    )


def heading(app: App[Any], fill: str, title: str) -> str:
    """The title of the window."""
    width = app.size.width * WIDTH + 2 * EDGE
    return (f'<text x="{width / 2:.0f}" y="24" text-anchor="middle" font-weight="bold" font-size="15" '
            f'font-family="DejaVu Sans, sans-serif" fill="{fill}">{escape(title)}</text>')


def rows(app: App[Any]) -> list[str]:
    """The rows of the screen, from the top."""
    _, text = colours(app)
    return [_row(strip, number, text) for number, strip in enumerate(app.screen._compositor.render_strips())]


class _Piece(NamedTuple):
    """What stands in a row: its column, its cells, its colours ("" for those of the window)."""

    x: int
    text: str
    front: str
    back: str
    weight: str


def _row(strip: Iterable[Segment], row: int, text: str) -> str:
    pieces = list(_pieces(strip, text))
    drawn = "".join((*_grounds(pieces), *(shape for piece in pieces for shape in _shapes(piece))))
    return f'<g transform="translate({EDGE} {TOP + BASE + row * HEIGHT})">{drawn}</g>' if drawn else ""


def _pieces(strip: Iterable[Segment], usual: str) -> Iterator[_Piece]:
    x = 0
    for segment in strip:
        style = segment.style or Style()
        front, back = _hex(style.color), _hex(style.bgcolor)
        if style.reverse:
            front, back = back or "#000000", front or usual
        weight = ' font-weight="bold"' if style.bold else ""
        weight += ' font-style="italic"' if style.italic else ""
        yield _Piece(x, segment.text, "" if front == usual else front, back, weight)
        x += cell_len(segment.text)


def _grounds(pieces: Iterable[_Piece]) -> Iterator[str]:
    for back, same in groupby(pieces, key=lambda piece: piece.back):
        run = list(same)
        if back:
            end = run[-1].x + cell_len(run[-1].text)
            yield _rect(run[0].x * WIDTH, -BASE, (end - run[0].x) * WIDTH + 0.3, HEIGHT + 0.3, _fill(back))


def _hex(color: RichColor | None) -> str:
    return "" if color is None or color.is_default else color.get_truecolor(_SIXTEEN).hex


def _fill(colour: str) -> str:
    return f' fill="{colour}"' if colour else ""


def _shapes(piece: _Piece) -> Iterator[str]:
    for word, column in _words(piece.text):
        yield from _word(word, (piece.x + column) * WIDTH, _fill(piece.front), piece.weight)


def _words(text: str) -> Iterator[tuple[str, int]]:
    """Letters with single blanks between them, or runs of one line sign, each with its column; other signs alone."""
    column = 0
    for part in _PARTS.findall(text):
        if part.strip():
            yield part, column
        column += cell_len(part)


_PARTS = re.compile("|".join(("[!-~]+(?: [!-~]+)*", " +", *(f"{sign}+" for sign in _RUNS), ".")), re.DOTALL)


def _word(word: str, x: int, fill: str, weight: str) -> Iterator[str]:
    if word[0] in _LINES:
        begin, end, thick = _LINES[word[0]]
        cells = len(word) - 1 + end - begin
        yield _rect(x + begin * WIDTH, HEIGHT / 2 - thick / 2 - BASE, cells * WIDTH, thick, fill)
    elif word[0] in _BARS:
        part = (_BARS.index(word[0]) + 1) / 8
        yield _rect(x, HEIGHT * (1 - part) - BASE, WIDTH * len(word), HEIGHT * part, fill)
    elif word == "▌":
        yield _rect(x, -BASE, WIDTH / 2, HEIGHT, fill)
    elif len(word) == 1 and 0x2800 <= ord(word) < 0x2900:
        yield f'<use href="#d{ord(word) - 0x2800:02x}" x="{x}"{fill}/>' if word != "\u2800" else ""
    else:
        yield f'<text x="{x}"{fill}{weight} textLength="{cell_len(word) * WIDTH}">{escape(word, quote=False)}</text>'


def _rect(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"{fill}/>'


def _dots(body: str) -> str:
    """What the cells of dots refer to."""
    used = sorted(set(re.findall(r'<use href="#d(..)"', body)))
    return f"<defs>{''.join(_cell(int(each, 16)) for each in used)}</defs>" if used else ""


def _cell(bits: int) -> str:
    places = ((WIDTH * (0.27 + 0.46 * column), HEIGHT * (row + 0.5) / 4 - BASE)
              for column, row, bit in _DOTS if bits & bit)
    dots = "".join(f'<circle cx="{x:g}" cy="{y:g}" r="1.55"/>' for x, y in places)
    return f'<g id="d{bits:02x}">{dots}</g>'


def save(app: App[Any], path: Path, *, png: bool = False) -> None:
    """Write `path` as SVG; as PNG, too, where that is wanted and rsvg-convert is installed."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(svg(app), "utf-8")
    if png and HAS_CONVERTER:
        subprocess.run(("rsvg-convert", "-o", str(path.with_suffix(".png")), str(path)), check=True)
