"""The screen of a running app as SVG and PNG: letters as text, bars and dots as shapes, the way good terminals draw."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from html import escape
from itertools import count, groupby
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.app import App

WIDTH, HEIGHT, SIZE = 10.86, 21.8, 18
TOP, EDGE = 36, 8
HAS_CONVERTER = shutil.which("rsvg-convert") is not None
_BARS = "▁▂▃▄▅▆▇█"
_LINES = {"━": (0.0, 1.0, 2.4), "╸": (0.0, 0.5, 2.4), "╺": (0.5, 1.0, 2.4), "─": (0.0, 1.0, 1.0)}
_RUNS = _BARS + "━─"
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
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{SIZE}" xml:space="preserve">{style}'
        f'<rect width="100%" height="100%" rx="8" fill="{colours(app)[0]}" stroke="#3a414b"/>{lights}{body}</svg>'
    )


def heading(app: App[Any], fill: str, title: str) -> str:
    """The title of the window."""
    width = app.size.width * WIDTH + 2 * EDGE
    return (f'<text x="{width / 2:.0f}" y="24" text-anchor="middle" font-weight="bold" font-size="15" '
            f'font-family="DejaVu Sans, sans-serif" fill="{fill}">{escape(title)}</text>')


def rows(app: App[Any]) -> list[str]:
    """The rows of the screen, from the top."""
    _, text = colours(app)
    return ["".join(_row(strip, number, text)) for number, strip in enumerate(app.screen._compositor.render_strips())]


def _row(strip: Iterable[Segment], row: int, text: str) -> Iterator[str]:
    x = 0
    for segment in strip:
        yield from _segment(segment, x, row, text)
        x += cell_len(segment.text)


def _segment(segment: Segment, x: int, row: int, default: str) -> Iterator[str]:
    style = segment.style or Style()
    front, back = _hex(style.color) or default, _hex(style.bgcolor)
    if style.reverse:
        front, back = back or "#000000", front
    left, top = EDGE + x * WIDTH, TOP + row * HEIGHT
    if back:
        yield f'<rect x="{left:.2f}" y="{top:.2f}" width="{cell_len(segment.text) * WIDTH + 0.3:.2f}" ' \
              f'height="{HEIGHT + 0.3:.2f}" fill="{back}"/>'
    weight = ' font-weight="bold"' if style.bold else ""
    weight += ' font-style="italic"' if style.italic else ""
    for word, column in _words(segment.text):
        yield from _word(word, left + column * WIDTH, top, front, weight)


def _hex(color: RichColor | None) -> str:
    return "" if color is None or color.is_default else color.get_truecolor().hex


def _words(text: str) -> Iterator[tuple[str, int]]:
    """Runs of letters or of the same line sign, each with its column; other signs alone."""
    column = 0
    for (kind, _), chars in groupby(zip(text, count(), strict=False), key=_kind):
        word = "".join(char for char, _ in chars)
        if kind != "blank":
            yield word, column
        column += cell_len(word)


def _kind(place: tuple[str, int]) -> tuple[str, object]:
    char, index = place
    if char == " ":
        return "blank", 0
    if char in _RUNS:
        return "run", char
    return ("letters", 0) if char.isascii() else ("alone", index)


def _word(word: str, x: float, y: float, fill: str, weight: str) -> Iterator[str]:
    if word[0] in _LINES:
        begin, end, thick = _LINES[word[0]]
        yield _rect(x + begin * WIDTH, y + HEIGHT / 2 - thick / 2, (len(word) - 1 + end - begin) * WIDTH, thick, fill)
    elif word[0] in _BARS:
        part = (_BARS.index(word[0]) + 1) / 8
        yield _rect(x, y + HEIGHT * (1 - part), WIDTH * len(word), HEIGHT * part, fill)
    elif word == "▌":
        yield _rect(x, y, WIDTH / 2, HEIGHT, fill)
    elif len(word) == 1 and 0x2800 <= ord(word) < 0x2900:
        yield from (_dot(x, y, column, row, fill) for column, row, bit in _DOTS if ord(word) & bit)
    else:
        yield f'<text x="{x:.2f}" y="{y + HEIGHT * 0.74:.2f}" fill="{fill}"{weight} ' \
              f'textLength="{cell_len(word) * WIDTH:.2f}">{escape(word)}</text>'


def _rect(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" fill="{fill}"/>'


def _dot(x: float, y: float, column: int, row: int, fill: str) -> str:
    return f'<circle cx="{x + WIDTH * (0.27 + 0.46 * column):.2f}" cy="{y + HEIGHT * (row + 0.5) / 4:.2f}" r="1.55" ' \
           f'fill="{fill}"/>'


def save(app: App[Any], path: Path) -> None:
    """Write `path` as SVG, and as PNG where rsvg-convert is installed."""
    path.write_text(svg(app), "utf-8")
    if HAS_CONVERTER:
        subprocess.run(("rsvg-convert", "-o", str(path.with_suffix(".png")), str(path)), check=True)
