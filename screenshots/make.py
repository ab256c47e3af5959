"""Pictures of the real dashboard over the demo engine with a frozen clock: `./dev shots`.

Each picture is a story: keys that a user would press, seconds that pass.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from msgspec import Struct
from picture import save
from textual.pilot import Pilot

from limacore.drivers.demo import DemoEngine
from limatui.app import Dashboard

HERE = Path(__file__).resolve().parent
NOW = 1_795_216_442.0
SIZES = {"80x24": (80, 24), "120x36": (120, 36), "200x60": (200, 60)}


class Shot(Struct, frozen=True):
    """A picture: its name, its size, what is pressed; `+3` lets three seconds pass.

    `create=NAME=TEMPLATE` makes an instance, as the form would.
    """

    name: str
    size: str
    story: str


SHOTS = (
    Shot("instances", "120x36", ""),
    Shot("instances", "80x24", ""),
    Shot("wide", "200x60", ""),
    Shot("boot", "80x24", "j"),
    Shot("boot", "120x36", "j"),
    Shot("orphan", "120x36", "G"),
    Shot("console", "120x36", "c enter m a k e enter"),
    Shot("logs", "120x36", "3"),
    Shot("editor", "120x36", "e " + "down " * 4 + "end backspace 4 " + "down " * 10 + "end 0"),
    Shot("disks", "120x36", "5"),
    Shot("ports", "120x36", "6 tab p wait"),
    Shot("ports", "80x24", "6 tab p wait j"),
    Shot("ports", "200x60", "6 tab p wait"),
    Shot("mounts", "120x36", "7 tab G"),
    Shot("mounts", "80x24", "7 tab G"),
    Shot("snapshots", "120x36", "8 tab j"),
    Shot("timeline", "120x36", "9 wait"),
    Shot("timeline", "80x24", "9 wait"),
    Shot("timeline", "200x60", "9 wait"),
    Shot("marked", "120x36", "o space j space p +1"),
    Shot("marked", "80x24", "space j j space h"),
    Shot("events", "120x36", "E j"),
    Shot("shell", "120x36", "2 tab s wait enter u n a m e space - a enter l s enter"),
    Shot("paused", "120x36", "j j j"),
    Shot("doctor", "120x36", "H wait"),
    Shot("doctor", "80x24", "G i wait"),
    Shot("logs-merged", "120x36", "3 tab a wait"),
    Shot("logs-filter", "120x36", "3 tab ampersand e r r o r enter wait"),
    Shot("forward", "120x36", "6 tab a 9 0 0 0 tab 1 9 0 0 0"),
    Shot("cache", "120x36", "I j j"),
    Shot("jobs", "120x36", "create=web=docker +7 J"),
    Shot("clone", "120x36", "j j C"),
    Shot("editor-complete", "120x36", "e " + "down " * 7 + "end enter v i d wait"),
    Shot("editor-complete", "80x24", "e " + "down " * 7 + "end enter v i d wait"),
    Shot("effective", "120x36", "e " + "down " * 4 + "end backspace 4 wait f2"),
    Shot("templates", "120x36", "T wait slash d o c k e r wait enter wait"),
    Shot("templates", "80x24", "T wait"),
    Shot("new", "120x36", "n wait ctrl+u w e b tab d o c k e r tab 4 tab 8 G i B tab tab ~ slash s r c colon w wait"),
    Shot("new", "200x60", "n wait ctrl+u w e b tab d o c k e r tab 4 tab 8 G i B tab tab ~ slash s r c colon w wait"),
    Shot("new", "80x24", "n wait ctrl+u w e b tab d o c"),
    Shot("help", "120x36", "question_mark"),
    Shot("palette", "120x36", "colon"),
)


async def play(shot: Shot, theme: str, path: Path) -> None:
    """Play the story and save the picture."""
    engine = DemoEngine(frozen=NOW, label=str(Path.home() / ".lima"))
    app = Dashboard(engine, clock=engine.now)
    app.animation_level = "none"
    async with app.run_test(size=SIZES[shot.size]) as pilot:
        app.theme = theme
        await past(engine, pilot)
        for key in shot.story.split():
            await do(engine, pilot, key)
        await pilot.pause(0.3)
        await pilot.pause()
        save(app, path)


async def take(shot: Shot, theme: str = "dark") -> Path:
    """The picture of a shot, in this directory."""
    path = HERE / f"{shot.name}-{shot.size}{'' if theme == 'dark' else f'-{theme}'}.svg"
    await play(shot, theme, path)
    return path


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
    for shot, theme in (*((shot, "dark") for shot in SHOTS), (SHOTS[0], "light")):
        if not wanted or any(f"{shot.name}-{shot.size}".startswith(each) for each in wanted):
            print((await take(shot, theme)).with_suffix(".png"))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
