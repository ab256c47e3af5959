"""The pictures in `screenshots/` are of the dashboard as it is now: `./dev shots` makes them anew."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest

PICTURES = Path(__file__).parents[2] / "screenshots"
sys.path.insert(0, str(PICTURES))
make, picture = import_module("make"), import_module("picture")


@pytest.mark.parametrize(("name", "size"), [("instances", "80x24"), ("instances", "120x36"), ("boot", "80x24")])
async def test_pictures_are_not_stale(name: str, size: str, tmp_path: Path) -> None:
    shot = next(each for each in make.SHOTS if each.name == name)
    now = {theme: tmp_path / theme / "now.svg" for theme in shot.themes}
    await make.play(shot, size, now)
    stale = [theme for theme, path in now.items() if path.read_text() != make.place(shot, size, theme).read_text()]
    assert not stale, "the screen looks different now: run ./dev shots, look at the pictures, commit them"
    assert (tmp_path / "dark/now.png").exists() == (picture.HAS_CONVERTER and size == "120x36")


def test_every_screen_has_its_pictures() -> None:
    wanted = {make.place(shot, size, theme) for shot in make.SHOTS for size in shot.sizes for theme in shot.themes}
    assert wanted == set(PICTURES.glob("**/*.svg")) - {PICTURES / "tour.svg"}
