"""Small graphics out of letters: sparklines, one-line meters, braille graphs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from limatui.ink import Line, Span

_BARS = "▁▂▃▄▅▆▇█"
_BRAILLE = 0x2800
_LEFT = (0x40, 0x04, 0x02, 0x01)
_RIGHT = (0x80, 0x20, 0x10, 0x08)


def spark(samples: Sequence[float], cells: int, top: float = 100.0) -> str:
    """The last `cells` samples as bars on a base line; `top` is a full bar, a quarter of it half a bar.

    The square root lets 5 % be seen beside 100 %.
    """
    recent = list(samples)[-cells:] if cells else []
    bars = "".join(_BARS[_level(math.sqrt(max(0.0, value / top)), 1.0, len(_BARS) - 1)] for value in recent)
    return bars.rjust(cells, _BARS[0])


def _level(value: float, top: float, levels: int) -> int:
    return max(0, min(levels, round(value / top * levels))) if top > 0 else 0


def meter(fraction: float, cells: int, marks: str = "number") -> Line:
    """A thin line of `cells` cells, filled to `fraction`, with half-cell steps and at least a trace when not empty."""
    halves = max(0, min(cells * 2, round(fraction * cells * 2)))
    if fraction > 0 and halves == 0:
        halves = 1
    full, half = divmod(halves, 2)
    filled = "━" * full + ("╸" if half else "")
    rest = cells - len(filled)
    tail = ("╺" if full and not half and rest else "") + "━" * rest
    return ((filled, marks), (tail[:rest], "hairline"))


def ceiling(samples: Sequence[float]) -> float:
    """The smallest of 10, 25, 50 and 100 percent that the samples stay below."""
    highest = max(samples, default=0.0)
    return next((top for top in (10.0, 25.0, 50.0) if highest <= top), 100.0)


def graph(samples: Sequence[float], cells: int, rows: int, top: float = 100.0) -> tuple[Span, ...]:
    """The last `2 * cells` samples as filled braille columns, `rows` lines from top to bottom."""
    dots = rows * 4
    recent = list(samples)[-2 * cells:]
    heights = [0] * (2 * cells - len(recent)) + [_height(value, top, dots) for value in recent]
    return tuple((_braille_row(heights, (rows - 1 - row) * 4), "number") for row in range(rows))


def _height(value: float, top: float, dots: int) -> int:
    return max(1, _level(value, top, dots))


def _braille_row(heights: Sequence[int], base: int) -> str:
    pairs = zip(heights[::2], heights[1::2], strict=True)
    return "".join(chr(_BRAILLE + _dots(left - base, _LEFT) + _dots(right - base, _RIGHT)) for left, right in pairs)


def _dots(count: int, masks: tuple[int, int, int, int]) -> int:
    return sum(masks[: max(0, min(4, count))])
