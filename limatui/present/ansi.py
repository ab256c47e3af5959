"""The sixteen colours of a terminal in each theme, and letters that stay readable on any ground: pure."""

from __future__ import annotations

from functools import lru_cache

RGB = tuple[int, int, int]
ENOUGH = 3.0
"""Least contrast of letters and ground, by the rule of WCAG: what it asks of large text."""
_BRIGHTER = 0.4
_TABLES = {
    "dark": ("2a323d", "ff7a70", "7bd88f", "f0c55b", "3a76c4", "c4a7ff", "3fa9b5", "d5dbe3"),
    "light": ("1d252c", "c0352b", "1d7f3b", "8f6400", "1767a8", "7148b8", "178f96", "d5d9d6"),
    "high-contrast": ("000000", "ff8f85", "7dff9c", "ffd75f", "4f9dff", "d9c4ff", "5fe3ea", "ffffff"),
}
_GREY = {"dark": "56616e", "light": "858f98", "high-contrast": "b4bcc6"}


@lru_cache
def palette(theme: str, dark: bool) -> tuple[RGB, ...]:
    """Colours 0 to 15. Blue and cyan are grounds in many programs, so they differ and are not pale."""
    name = theme if theme in _TABLES else "dark" if dark else "light"
    normal = [_rgb(each) for each in _TABLES[name]]
    bright = [mixed(each, (255, 255, 255), _BRIGHTER) for each in normal]
    if name == "light":
        bright[1:7] = [mixed(each, (0, 0, 0), _BRIGHTER / 2) for each in normal[1:7]]
    return (*normal, _rgb(_GREY[name]), *bright[1:7], (255, 255, 255))


def _rgb(text: str) -> RGB:
    red, green, blue = bytes.fromhex(text)
    return red, green, blue


def mixed(color: RGB, other: RGB, part: float) -> RGB:
    """`color` with that part of another one in it."""
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(color, other, strict=True))
    return red, green, blue


def contrast(one: RGB, other: RGB) -> float:
    """From 1, the same, to 21, black on white."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: RGB) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
                        for part in (each / 255 for each in color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def readable(color: RGB, ground: RGB) -> RGB:
    """The colour, or as much nearer to black or white as it takes to be read on this ground."""
    end: RGB = (255, 255, 255) if contrast((255, 255, 255), ground) > contrast((0, 0, 0), ground) else (0, 0, 0)
    steps = (mixed(color, end, step / 8) for step in range(9))
    return next((each for each in steps if contrast(each, ground) >= ENOUGH), end)
