"""The dashboard in rough hands: every key, keys at random, windows of all sizes, engines that break, days of updates.

Longer by LIMATUI_MASH (seconds of keys at random) and LIMATUI_SOAK (updates of the fleet).
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from limacore.drivers.demo import DemoEngine
from limacore.errors import HostError
from limacore.model.instance import Fleet
from tests.ui import every_key
from tests.ui.board import NOW, Board, playing

MASH = float(os.environ.get("LIMATUI_MASH", "4"))
_STORMY = ("", "2 tab wait", "3 tab", "e wait", "T wait", "n wait", "comma", "colon", "j j D", "question_mark")
SOAK = int(os.environ.get("LIMATUI_SOAK", "400"))


@pytest.fixture(autouse=True)
def _no_desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No browser and no clipboard of whoever runs this; no settings of theirs either."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@asynccontextmanager
async def unhurt(size: tuple[int, int] = (120, 36), count: int = 5) -> AsyncIterator[Board]:
    """A dashboard that tells of no internal error and leaves no task behind."""
    before = asyncio.all_tasks()
    async with playing(size, count) as board:
        yield board
        assert "internal error" not in board.toasts, board.toasts
    left: set[asyncio.Task[object]] = set()
    for _ in range(200):
        left = asyncio.all_tasks() - before
        if not left:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"tasks that nobody ends: {left}")


async def test_every_key_of_every_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new binding is pressed without a word here, or fails here: then PLACES lacks the way to it."""
    monkeypatch.setattr("textual._wait.SLEEP_GRANULARITY", 0.004)  # after each key; else it takes minutes
    monkeypatch.setattr("textual._wait.SLEEP_IDLE", 0.002)
    wanted = {each for each in every_key.declared() if each.action != "do('quit')"}
    done: set[every_key.Bound] = set()
    async with unhurt() as board:
        world = every_key.World(board)
        for place in every_key.PLACES:
            at, untouched = None, False
            while True:
                if every_key.where(board) != at:
                    await every_key.home(board)
                    await world.restore(board)
                    await every_key.go(board, place)
                    at, untouched = every_key.where(board), True
                fresh = [each for each in every_key.live(board) if each in wanted - done]
                if not fresh and untouched:
                    break
                if not fresh:
                    at = None  # what was pressed last may have made the others impossible
                    continue
                done.add(fresh[0])
                untouched = False
                await board.pilot.press(fresh[0].key)
                assert board.app._exception is None and "internal error" not in board.toasts, (place, fresh[0])
        await every_key.home(board)
    assert not wanted - done, sorted(wanted - done)


@pytest.mark.parametrize("key", ["q", "ctrl+q"])
async def test_the_keys_that_quit(key: str) -> None:
    async with unhurt() as board:
        await board.press("2", "3", "1", key)
        await board.until(lambda: board.app._exit, "the end")


async def test_keys_at_random() -> None:
    seed = int(os.environ.get("LIMATUI_SEED", "7"))
    dice = random.Random(seed)
    pool = sorted({each.key for each in every_key.declared()} - {"q", "ctrl+q"} | set("abz019.-") | {"backspace"})
    pool += ["escape", "enter", "tab", "j", "k"] * 4
    end, pressed = time.monotonic() + MASH, []
    while time.monotonic() < end:
        async with unhurt(dice.choice([(80, 24), (120, 36), (200, 60)])) as board:
            while time.monotonic() < end and not board.app._exit:
                burst = dice.choices(pool, k=8)
                pressed += burst
                await board.pilot.press(*burst)
                assert board.app._exception is None and "internal error" not in board.toasts, (seed, pressed[-40:])
                if dice.random() < 0.3:
                    await board.engine.advance(1.0)


async def test_a_storm_of_sizes() -> None:
    dice = random.Random(3)
    async with unhurt() as board:
        for place in _STORMY:
            await every_key.home(board)
            await every_key.go(board, place)
            anything = ((dice.randint(1, 220), dice.randint(1, 70)) for _ in range(4))
            for size in ((1, 1), (3, 2), (10, 5), *anything, (80, 24)):
                await board.pilot.resize_terminal(*size)
                assert board.app._exception is None, (place, size)
        await board.pilot.resize_terminal(120, 36)
        await every_key.home(board)
        assert "● Running" in board.row("default")


class Breaking(DemoEngine):
    """Its watch breaks after the first look, `breaks` times."""

    breaks: list[Exception]

    async def watch(self) -> AsyncIterator[Fleet]:
        async for fleet in super().watch():
            yield fleet
            if self.breaks:
                raise self.breaks.pop()


@pytest.mark.parametrize(("error", "told"), [
    (HostError("the disk is gone", hint="bring it back"), "the disk is gone\nbring it back"),
    (RuntimeError("a defect"), "the engine failed: RuntimeError('a defect')"),
    (OSError(5, "Input/output error"), "the engine failed: OSError(5, 'Input/output error')"),
])
async def test_an_engine_that_breaks_under_the_app(error: Exception, told: str,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limatui.app.RETRY", 0.01)
    engine = Breaking(5, frozen=NOW)
    engine.breaks = [error]
    async with playing(engine=engine) as board:
        await board.until(lambda: told in board.toasts, "it is told")
        await board.until(lambda: not engine.breaks and not board.app.trouble, "another try")
        await board.press("j", "j")
        await board.later(2)
        assert board.main.table.cursor == "k8s" and "not current" not in board.text


async def test_an_engine_that_stays_broken_is_never_shown_as_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limatui.app.RETRY", 0.01)
    engine = Breaking(5, frozen=NOW)
    engine.breaks = [HostError("the disk is gone") for _ in range(1000)]
    async with playing(engine=engine) as board:
        await board.until(lambda: "not current: the disk is gone" in board.text)
        await board.until(lambda: len(engine.breaks) < 990)
        assert board.toasts.count("the disk is gone") == 1, "told once, not at each try"
        await board.press("j", "question_mark", "escape")
        assert board.main.table.cursor == "build"


async def test_days_of_updates_take_no_more_memory() -> None:
    warm = 700  # what is kept of the past is full after 600
    async with playing(count=3) as board:
        engine, app = board.engine, board.app
        counts = []
        for update in range(warm + SOAK):
            assert engine._frozen is not None
            engine._frozen += 1.0
            engine.poke()
            while app.fleet.host != engine.fleet().host:  # noqa: ASYNC110 (an event would be the thing measured)
                await asyncio.sleep(0)
            if update in (warm, warm + SOAK - 1):
                await board.pilot.pause()
                gc.collect()
                counts.append(len(gc.get_objects()))
        assert counts[1] - counts[0] < max(400, SOAK // 50), counts


async def test_what_changes_while_the_last_fleet_is_shown_is_not_missed() -> None:
    engine = DemoEngine(2, frozen=NOW)
    fleets = engine.watch()
    await anext(fleets)
    engine._change("default", protected=False)
    async with asyncio.timeout(30):
        after = (await anext(fleets)).get("default")
    assert after is not None and not after.protected
    await engine.close()
