"""Hours of an open dashboard in minutes: updates of the demo fleet, every pane and screen open in turn; what grows.

    python benchmarks/hours.py [UPDATES]      43,200 updates are what comes in twelve hours

After each round through the panes memory and objects are counted; flat means that the last half does not grow.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import Counter
from pathlib import Path

from textual.pilot import Pilot

from limacore.drivers.demo import DemoEngine
from limatui.app import Dashboard

NOW = 1.8e9
PANES = "123456789"
SCREENS = ("J", "E", "comma", "T", "I", "i", "question_mark")
ROUNDS = 10
MOST = 0.02
"""Share by which the second half may grow: samples of ten minutes fill up first."""


def resident() -> float:
    """Megabytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


async def update(app: Dashboard, engine: DemoEngine) -> None:
    """A second passes, and the dashboard has shown it."""
    await engine.advance(1.0)
    while app.fleet.host != engine.fleet().host:  # noqa: ASYNC110 (nobody else says when it is shown)
        await asyncio.sleep(0)
    await asyncio.sleep(0)


async def one_round(app: Dashboard, engine: DemoEngine, pilot: Pilot[None], updates: int) -> None:
    """Through every pane and every screen."""
    places = [*PANES, *SCREENS]
    for place in places:
        await pilot.press(place)
        for _ in range(max(1, updates // len(places))):
            await update(app, engine)
        if place in SCREENS:
            await pilot.press("escape")
    await pilot.press("1")


def counted() -> tuple[float, int, Counter[str]]:
    """Megabytes, objects, and how many of each kind."""
    gc.collect()
    kinds = Counter(type(each).__name__ for each in gc.get_objects())
    return resident(), sum(kinds.values()), kinds


async def soak(updates: int) -> list[tuple[float, int, Counter[str]]]:
    """A sample after each round."""
    engine = DemoEngine(5, frozen=NOW)
    app = Dashboard(engine, clock=engine.now)
    samples = []
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.pause()
        for number in range(ROUNDS):
            await one_round(app, engine, pilot, updates // ROUNDS)
            samples.append(counted())
            megabytes, objects, _ = samples[-1]
            done = updates * (number + 1) // ROUNDS
            print(f"  {done:7} updates   {megabytes:7.1f} MB   {objects:8} objects", flush=True)
    return samples


def main(updates: int = 10_000) -> int:
    """1 when the second half grew."""
    samples = asyncio.run(soak(updates))
    (before, few, kinds), (after, many, more) = samples[ROUNDS // 2 - 1], samples[-1]
    print(f"second half: memory {after / before:.3f} x, objects {many / few:.3f} x")
    for kind, number in (more - kinds).most_common(5):
        print(f"  {number:+} {kind}")
    return int(after > before * (1 + MOST) or many > few * (1 + MOST))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
