"""The dashboard over the demo engine, driven by keys, read as text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from limacore.drivers.demo import DemoEngine
from limacore.model.instance import Instance
from limatui.app import Dashboard
from limatui.screens.main import MainScreen
from limatui.settings.file import Settings
from tests.ui.quiet import settle

NOW = 1_795_216_442.0


class Board:
    """One running dashboard with a clock that stands still until `later`."""

    def __init__(self, app: Dashboard, engine: DemoEngine, pilot: Pilot[None]) -> None:
        self.app, self.engine, self.pilot = app, engine, pilot

    @property
    def main(self) -> MainScreen:
        screen = self.app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        return screen

    @property
    def text(self) -> str:
        """The screen as people see it."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)

    @property
    def footer(self) -> str:
        return self.text.splitlines()[-1]

    def row(self, name: str) -> str:
        """The line of the list that shows an instance."""
        return next(line for line in self.main.table.text.splitlines() if f" {name} " in f"{line} ")

    def one(self, name: str) -> Instance:
        found = self.app.fleet.get(name)
        assert found is not None, f"there is no {name}"
        return found

    @property
    def toasts(self) -> str:
        return "\n".join(f"{each.title} {each.message}" for each in self.app._notifications)

    @property
    def _is_current(self) -> bool:
        """Whether the dashboard knows all that the engine does: jobs are told at most once a frame."""
        told = tuple(raw for raw, _ in self.app.bridge._told.values()) == self.engine._jobs.snapshot()
        return self.app._exit or (told and self.app.fleet.host == self.engine.fleet().host)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.until(lambda: self._is_current, "the dashboard sees what the engine knows")

    async def type(self, text: str) -> None:
        await self.press(*text)

    async def later(self, seconds: int = 1) -> None:
        """Seconds pass, one by one."""
        for _ in range(seconds):
            await self.engine.advance(1.0)
            await self.until(lambda: self._is_current, "the dashboard sees the second")
            await self.pilot.pause()

    async def until(self, true: Callable[[], object], what: str = "") -> None:
        """Wait for an event; the clock of the world stands still meanwhile."""
        try:
            async with asyncio.timeout(60):
                await settle(self.app)
                while not true():
                    await asyncio.sleep(0.01)
                    await settle(self.app)
        except TimeoutError:
            raise AssertionError(f"never happened: {what or true}\n{self.text}\n{self.toasts}") from None


@asynccontextmanager
async def playing(size: tuple[int, int] = (120, 36), count: int = 5, settings: Settings | None = None,
                  engine: DemoEngine | None = None, kind: type[Dashboard] = Dashboard) -> AsyncIterator[Board]:
    """A dashboard that has painted its first fleet."""
    engine = engine or DemoEngine(count, frozen=NOW)
    app = kind(engine, clock=engine.now, settings=settings or Settings())
    app.animation_level = "none"
    async with app.run_test(size=size) as pilot:
        board = Board(app, engine, pilot)
        await board.until(lambda: app.fleet.home and (not count or board.main.table.cursor), "the first fleet")
        await pilot.pause()
        yield board
