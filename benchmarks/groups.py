"""The list of 1,000 machines in groups against the same list without: what a second costs, what a key costs.

Goal: groups cost at most a quarter more; folded ones less than none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from measure import tell
from msgspec.structs import replace

from limacore.drivers.demo import DemoEngine
from limatui.app import Dashboard
from limatui.present import groups
from limatui.present.listing import View
from limatui.screens.main import MainScreen

NOW = 1.8e9
ROUNDS = 30
VIEWS = {"no groups": View(), "groups": View(group="label:team"), "by status": View(group="status")}


async def _second(engine: DemoEngine, screen: MainScreen) -> None:
    """Another look at all of them."""
    await engine.advance(1.0)
    fleet = engine.fleet()
    screen.app.fleet = fleet  # type: ignore[attr-defined]


async def _key(_: DemoEngine, screen: MainScreen) -> None:
    screen.table.action_move(1)


async def measured(screen: MainScreen, view: View, act: Callable[[], Awaitable[None]]) -> float:
    """Seconds that one of these takes in that view."""
    screen.view = view
    await asyncio.sleep(0.05)
    began = time.perf_counter()
    await act()
    return time.perf_counter() - began


async def main() -> None:
    """Interleaved rounds in one app."""
    engine = DemoEngine(1000, frozen=NOW)
    app = Dashboard(engine, clock=engine.now)
    app.animation_level = "none"
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause(1)
        screen = app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        values = {groups.value(each, "label:team") for each in app.fleet.instances}
        views = {**VIEWS, "all folded": replace(VIEWS["groups"], folded=frozenset(values))}
        for title, act in (("a second of 1,000 machines", _second), ("the cursor one down", _key)):
            results: dict[str, list[float]] = {name: [] for name in views}
            for _ in range(ROUNDS):
                for name, view in views.items():
                    results[name].append(await measured(screen, view, lambda: act(engine, screen)))  # noqa: B023
            tell(title, results, "no groups")


if __name__ == "__main__":
    asyncio.run(main())
