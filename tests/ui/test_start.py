"""The start: what is imported before the first frame, what comes after it, and the look of a child meanwhile."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from limacore.engine import Engine
from limacore.engine.firstlook import FirstLook
from limacore.paths import HomePaths
from limatui import assets
from tests.instances import make_instance
from tests.ui.board import playing
from tests.ui.terminal import terminal

HEAVY = ("ruamel", "yaml", "asyncssh", "h11", "psutil", "pycdlib", "pyghostty", "httpx2", "qemu", "email", "plistlib",
         "textual.command", "limacore.config.load", "limacore.hostlink", "limacore.lifecycle.start",
         "limacore.engine.observe", "limacore.drivers", "limatui.verbs.dialogs", "limatui.screens.logs")
LOOK = """
import asyncio, sys
from pathlib import Path
from limacore.engine import Engine
engine = Engine(Path(sys.argv[1]))
engine.look_ahead()
async def first():
    async for fleet in engine.watch():
        return fleet
print([each.name for each in asyncio.run(first()).instances], "limacore.engine.observe" in sys.modules)
"""


def test_the_first_frame_waits_for_nothing_heavy(tmp_path: Path) -> None:
    make_instance(tmp_path, "heron")
    settings = tmp_path / "config" / "limatui"
    settings.mkdir(parents=True)
    (settings / "settings.toml").write_text("refresh = 60\n")  # the second look may import what it likes
    names = tmp_path / "modules"
    with terminal("-m", "tests.ui.first_frame", str(names), environ={
            "LIMA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(settings.parent)}) as opened:
        assert opened.ended() == 0
    loaded = set(names.read_text().splitlines())
    assert "limatui.screens.main" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_a_child_looks_first(tmp_path: Path) -> None:
    make_instance(tmp_path)
    done = subprocess.run((sys.executable, "-c", LOOK, str(tmp_path)), capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["['one']", "False"], done.stderr


async def test_what_it_sees_is_what_is_there(tmp_path: Path) -> None:
    make_instance(tmp_path)
    first = await FirstLook(HomePaths(tmp_path)).fleet()
    async for own in Engine(tmp_path).watch():
        assert first is not None and first.instances == own.instances and first.home == own.home
        break


async def test_a_child_that_fails_is_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_instance(tmp_path)
    engine = Engine(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "run", lambda _: os._exit(1))
        engine.look_ahead()
    async for fleet in engine.watch():
        assert [each.name for each in fleet.instances] == ["one"]
        break


async def test_other_styles_come_after_the_first_frame() -> None:
    async with playing() as board:
        known = {Path(place).name for place, _ in board.app.stylesheet.source}
        await board.until(lambda: {each.name for each in assets.stylesheets()} <= {
            Path(place).name for place, _ in board.app.stylesheet.source})
        assert "main.tcss" in known


async def test_the_theme_is_parsed_once_more_only_when_it_changes() -> None:
    async with playing() as board:
        before = board.app.stylesheet.rules
        board.app.refresh_css()
        assert board.app.stylesheet.rules is before
        board.app.theme = "light"
        await board.until(lambda: board.app.stylesheet.rules is not before)
        assert board.app.screen.styles.background.hex.lower() == "#fbfbf9"
