"""Turns of the loop: what is done in one is counted, not timed; data waits for input, and never for good."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from limacore.drivers.demo import DemoEngine
from limatui import bridge, turns
from limatui.widgets.terminal.widget import Terminal
from tests.ui.board import NOW, playing
from tests.ui.flood import flooding


class Turns:
    """How often something was done in each turn of the loop."""

    def __init__(self) -> None:
        self.now = 0
        self.done: Counter[int] = Counter()

    def note(self) -> None:
        self.done[self.now] += 1

    @property
    def most(self) -> int:
        return max(self.done.values())


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Turns]:
    """Counts turns until the end of the `with`."""
    seen, loop = Turns(), asyncio.get_running_loop()
    turn = loop._run_once  # type: ignore[attr-defined]

    def counted() -> None:
        seen.now += 1
        turn()

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_run_once", counted)
        yield seen


def ticking(step: float) -> Any:
    """A clock that goes on by a step whenever it is looked at."""
    ticks = count()
    return lambda: next(ticks) * step


async def test_work_is_done_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    with counting(monkeypatch) as seen:
        done = await turns.in_pieces((seen.note() or number for number in range(100)), clock=ticking(0.001))
    assert done == list(range(100)) and seen.most <= 4 and len(seen.done) >= 25


async def test_what_is_quick_is_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with counting(monkeypatch) as seen:
        await turns.in_pieces((seen.note() for _ in range(100)), clock=lambda: 0.0)
    assert seen.most == 100


def test_input_is_given_a_moment() -> None:
    now = [10.0]
    heard = turns.Input(lambda: now[0])
    assert heard.rest == 0
    heard.heard()
    now[0] += turns.QUIET / 2
    assert heard.rest == pytest.approx(turns.QUIET / 2)
    now[0] += turns.QUIET
    assert heard.rest == 0


async def test_a_thousand_machines_take_many_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """With pieces of no length, each instance that is made safe or compared with before has a turn of its own."""
    monkeypatch.setattr(turns, "PIECE", 0.0)
    engine = DemoEngine(1000, frozen=NOW)
    clean, changes = bridge.Bridge._instance, bridge.happened
    async with playing(engine=engine) as board:
        with counting(monkeypatch) as seen, monkeypatch.context() as patch:
            cleaned, compared = Turns(), Turns()

            def cleaning(self: Any, raw: Any) -> Any:
                known = self._cleaned.get(raw.name)
                if known is None or known[0] is not raw:
                    cleaned.done[seen.now] += 1
                return clean(self, raw)

            def comparing(*fleets: Any) -> Any:
                for each in changes(*fleets):
                    compared.done[seen.now] += 1
                    yield each

            patch.setattr(bridge.Bridge, "_instance", cleaning)
            patch.setattr(bridge, "happened", comparing)
            await engine.advance(1.0)
            await board.until(lambda: board.app.fleet.host == engine.fleet().host)
    assert cleaned.most == 1 and sum(cleaned.done.values()) >= 1000
    assert compared.most <= 2 and sum(compared.done.values()) >= 1000


async def test_a_flood_is_fed_once_a_turn_and_waits_for_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    heard = turns.Input(lambda: now[0])
    monkeypatch.setattr(turns, "INPUT", heard)
    engine, feed = DemoEngine(5, frozen=NOW), Terminal.feed
    async with playing(engine=engine) as board, flooding(engine, "default", lines=200):
        with counting(monkeypatch) as seen:
            def feeding(self: Terminal, data: bytes) -> None:
                seen.note()
                feed(self, data)

            monkeypatch.setattr(Terminal, "feed", feeding)
            await board.press("2")
            await board.until(lambda: len(seen.done) > 5, "the log, then the live port")
            seen.done.clear()
            await board.until(lambda: len(seen.done) > 20)
            assert seen.most == 1
            rests = []
            monkeypatch.setattr(turns.asyncio, "sleep", _remembering(rests, asyncio.sleep))
            heard.heard()
            await board.until(lambda: turns.QUIET in rests, "data that waits for a key")
            now[0] += 1.0
            fed = len(seen.done)
            await board.until(lambda: len(seen.done) > fed + 5)


def _remembering(rests: list[float], sleep: Any) -> Any:
    async def remembering(seconds: float, *rest: Any) -> None:
        rests.append(seconds)
        await sleep(seconds, *rest)

    return remembering
