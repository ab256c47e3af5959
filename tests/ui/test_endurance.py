"""The dashboard in rough hands: keys and clicks at random, windows of all sizes, engines that break, days of updates.

Longer by LIMATUI_MASH (seconds of anything at random) and LIMATUI_SOAK (updates of the fleet).
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import time
from collections.abc import AsyncIterator

import pytest

from limacore.drivers.demo import DemoEngine
from limacore.errors import HostError
from limacore.model.instance import Fleet
from tests.ui import every_key
from tests.ui.board import NOW, playing
from tests.ui.unhurt import SIZES, Hands, unhurt

MASH = float(os.environ.get("LIMATUI_MASH", "4"))
_STORMY = ("", "2 tab wait", "3 tab", "e wait", "T wait", "n wait", "comma", "colon", "j j D", "question_mark")
SOAK = int(os.environ.get("LIMATUI_SOAK", "400"))


async def test_anything_at_random_on_every_screen() -> None:
    """Reproduce a failure with the seed that it tells: LIMATUI_SEED=… pytest -k at_random."""
    seed = int(os.environ.get("LIMATUI_SEED", "7"))
    dice = random.Random(seed)
    end = time.monotonic() + MASH
    while time.monotonic() < end:
        async with unhurt(dice.choice(SIZES[:3])) as board:
            hands = Hands(board, dice)
            while time.monotonic() < end and not board.app._exit:
                place = dice.choice(every_key.PLACES)
                try:
                    await mash(hands, place)
                except Exception as error:
                    raise AssertionError(f"seed {seed}, at {place!r}, after {hands.did[-40:]}") from error


async def mash(hands: Hands, place: str) -> None:
    """A dozen things at one place, from the list."""
    await hands.board.pilot.resize_terminal(120, 36)
    await every_key.home(hands.board)
    await every_key.go(hands.board, place)
    for _ in range(12):
        if not hands.board.app._exit:
            await hands.anything()


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
