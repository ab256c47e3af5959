"""The pictures in `screenshots/` are of the dashboard as it is now: `./dev shots` makes them anew."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest

PICTURES = Path(__file__).parents[2] / "screenshots"
sys.path.insert(0, str(PICTURES))
make, picture = import_module("make"), import_module("picture")


@pytest.mark.parametrize("name", ["instances-80x24", "instances-120x36", "boot-80x24"])
async def test_pictures_are_not_stale(name: str, tmp_path: Path) -> None:
    shot = next(each for each in make.SHOTS if f"{each.name}-{each.size}" == name)
    await make.play(shot, "dark", tmp_path / "now.svg")
    same = (tmp_path / "now.svg").read_text() == (PICTURES / f"{name}.svg").read_text()
    assert same, "the screen looks different now: run ./dev shots, look at the pictures, commit them"
    assert (tmp_path / "now.png").exists() == picture.HAS_CONVERTER
