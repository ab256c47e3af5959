"""Pictures of the real dashboard over the demo engine with a frozen clock: `./dev shots`.

Each picture is a story: keys that a user would press, seconds that pass.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from picture import save
from textual.pilot import Pilot

from limacore.drivers.demo import DemoEngine
from limatui.app import Dashboard
from limatui.themes import THEMES

HERE = Path(__file__).resolve().parent
NOW = 1_795_216_442.0
SIZES = {"80x24": (80, 24), "120x36": (120, 36), "200x60": (200, 60)}


class Shot(Struct, frozen=True):
    """A picture: its name, what is pressed before it; `+3` lets three seconds pass.

    `create=NAME=TEMPLATE` makes an instance, as the form would. A `detail` shows part of a screen that has its own
    pictures: there is one of it, in one size and the dark theme.
    """

    name: str
    story: str
    detail: bool = False

    @property
    def sizes(self) -> tuple[str, ...]:
        """Those that it is made in."""
        return ("120x36",) if self.detail else tuple(SIZES)

    @property
    def themes(self) -> tuple[str, ...]:
        """Those that it is made in."""
        return ("dark",) if self.detail else tuple(THEMES)


SHOTS = (
    Shot("instances", ""),
    Shot("boot", "j"),
    Shot("console", "c enter m a k e enter"),
    Shot("shell", "2 tab s wait enter u n a m e space - a enter l s enter"),
    Shot("logs", "3"),
    Shot("logs-merged", "3 tab a wait", detail=True),
    Shot("logs-filter", "3 tab ampersand e r r o r enter wait", detail=True),
    Shot("editor", "e " + "down " * 7 + "end enter v i d wait"),
    Shot("editor-error", "e " + "down " * 4 + "end backspace 4 " + "down " * 10 + "end 0", detail=True),
    Shot("effective", "e " + "down " * 4 + "end backspace 4 wait f2", detail=True),
    Shot("disks", "5 tab"),
    Shot("ports", "6 tab p wait"),
    Shot("forward", "6 tab a 9 0 0 0 tab 1 9 0 0 0", detail=True),
    Shot("mounts", "7 tab G"),
    Shot("snapshots", "8 tab j"),
    Shot("timeline", "9 wait"),
    Shot("doctor", "H wait"),
    Shot("cache", "I j j"),
    Shot("templates", "T wait slash d o c k e r wait enter wait"),
    Shot("new", "n wait ctrl+u w e b tab d o c k e r tab 4 tab 8 G i B tab tab ~ slash s r c colon w wait"),
    Shot("jobs", "create=web=docker +7 J"),
    Shot("events", "E j"),
    Shot("settings", "comma j j"),
    Shot("help", "question_mark"),
    Shot("palette", "colon"),
    Shot("orphan", "G", detail=True),
    Shot("paused", "j j j", detail=True),
    Shot("marked", "o space j space p +1", detail=True),
    Shot("clone", "j j C", detail=True),
)


async def play(shot: Shot, size: str, paths: Mapping[str, Path]) -> None:
    """Play the story and save the picture in each theme, at its path; the dark ones as PNG, too."""
    engine = DemoEngine(frozen=NOW, label=str(Path.home() / ".lima"))
    app = Dashboard(engine, clock=engine.now)
    app.animation_level = "none"
    async with app.run_test(size=SIZES[size]) as pilot:
        await past(engine, pilot)
        for key in shot.story.split():
            await do(engine, pilot, key)
        for theme, path in paths.items():
            app.theme = theme
            await pilot.pause(0.3)
            await pilot.pause()
            save(app, path, png=theme == "dark" and size == "120x36")


def place(shot: Shot, size: str, theme: str) -> Path:
    """Where a picture lies: the dark ones here, the others in a directory for each theme."""
    return (HERE if theme == "dark" else HERE / theme) / f"{shot.name}-{size}.svg"


async def past(engine: DemoEngine, pilot: Pilot[None]) -> None:
    """Four minutes of history; `build` was started again 41 seconds ago."""
    await _pass(engine, pilot, 200)
    engine.restart("build")
    await _pass(engine, pilot, 44)


async def _pass(engine: DemoEngine, pilot: Pilot[None], seconds: int) -> None:
    """Let seconds pass, each of them seen by the dashboard before the next."""
    app = pilot.app
    assert isinstance(app, Dashboard)
    for _ in range(seconds):
        await engine.advance(1.0)
        while app.fleet.host != engine.fleet().host:
            await pilot.pause(0.01)
        while tuple(raw for raw, _ in app.bridge._told.values()) != engine._jobs.snapshot():
            await pilot.pause(0.01)  # jobs are told at most once a frame
        await pilot.pause(0)  # without an argument it waits until the process is idle, up to a second


async def do(engine: DemoEngine, pilot: Pilot[None], key: str) -> None:
    """One word of a story."""
    if key.startswith("+"):
        await _pass(engine, pilot, int(key))
    elif key == "wait":  # for what is read or checked in a thread
        await pilot.pause(1.0)
    elif key.startswith("create="):
        _, name, template = key.split("=")
        engine.create(name, template)
        await pilot.pause(0.1)
    else:
        await pilot.press(key)
        await pilot.pause(0.1)


async def main(wanted: list[str]) -> None:
    """All pictures, or those whose file name begins with one of `wanted`."""
    for shot, size in ((each, size) for each in SHOTS for size in each.sizes):
        if not wanted or any(f"{shot.name}-{size}".startswith(each) for each in wanted):
            await play(shot, size, {theme: place(shot, size, theme) for theme in shot.themes})
            print(place(shot, size, "dark"), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
