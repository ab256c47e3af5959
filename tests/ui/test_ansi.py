"""The sixteen colours: apart from each other, and letters that can be read on every ground."""

from __future__ import annotations

from itertools import combinations, product

import pytest

from limatui.present.ansi import ENOUGH, contrast, mixed, palette, readable
from limatui.themes import CONTRAST, DARK, LIGHT

THEMES = {"dark": (True, DARK), "light": (False, LIGHT), "high-contrast": (True, CONTRAST)}


@pytest.mark.parametrize("theme", THEMES)
def test_every_colour_can_be_read_on_every_ground(theme: str) -> None:
    dark, tokens = THEMES[theme]
    ground = bytes.fromhex(tokens["ground"][1:])
    colours = palette(theme, dark)
    assert len(colours) == 16
    for letters, under in product(colours, (*colours, (ground[0], ground[1], ground[2]))):
        assert contrast(readable(letters, under), under) >= ENOUGH


@pytest.mark.parametrize("theme", THEMES)
def test_the_eight_differ(theme: str) -> None:
    assert all(sum(abs(a - b) for a, b in zip(one, other, strict=True)) > 50
               for one, other in combinations(palette(theme, THEMES[theme][0])[:8], 2))


def test_what_can_be_read_stays() -> None:
    assert readable((255, 0, 0), (0, 0, 0)) == (255, 0, 0)
    assert readable((10, 10, 10), (0, 0, 0)) != (10, 10, 10)
    assert round(contrast((0, 0, 0), (255, 255, 255))) == 21
    assert mixed((0, 0, 0), (100, 200, 50), 0.5) == (50, 100, 25)


def test_a_theme_of_somebody_else() -> None:
    assert palette("nord", True) == palette("dark", True) != palette("latte", False)
