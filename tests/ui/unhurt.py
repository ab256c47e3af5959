"""A dashboard in rough hands, that must come out of it whole; and hands that do anything at random."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from textual import events
from textual.pilot import OutOfBounds

from limatui.themes import THEMES
from tests.ui import every_key
from tests.ui.board import Board, playing
from tests.ui.quiet import settle

HOSTILE = "\x1b]52;c;RVZJTA==\x07\x1b[31;5m\x9b2J\u202e[red]x[/red][@click=app.exit]\r\nname: y\t\ud800\x7f\x00: {\n"
SIZES = ((80, 24), (120, 36), (200, 60), (40, 10), (20, 5))


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


class Hands:
    """Presses, clicks, pastes, drags windows; `did` is what they did, newest last."""

    def __init__(self, board: Board, dice: random.Random) -> None:
        self.board, self.dice, self.did = board, dice, list[str]()
        self._keys = sorted({each.key for each in every_key.declared()} - {"q", "ctrl+q"} | set("abz019.-")
                            | {"backspace"}) + ["escape", "enter", "tab", "j", "k"] * 4

    async def anything(self) -> None:
        """One more."""
        deed: Callable[[], Awaitable[str]] = self.dice.choices(
            (self._press, self._click, self._scroll, self._paste, self._resize, self._theme, self._wait),
            (12, 3, 3, 1, 2, 1, 3))[0]
        self.did.append(deed.__name__)
        self.did[-1] = await deed()
        await settle(self.board.app)
        app = self.board.app
        assert app._exception is None and "internal error" not in self.board.toasts, (self.did[-40:], self.board.toasts)

    async def _press(self) -> str:
        burst = self.dice.choices(self._keys, k=self.dice.randint(1, 6))
        self.did[-1] = told = " ".join(burst)
        await self.board.pilot.press(*burst)
        return told

    def _somewhere(self) -> tuple[int, int]:
        width, height = self.board.app.size
        return self.dice.randrange(max(1, width)), self.dice.randrange(max(1, height))

    async def _click(self) -> str:
        at, times = self._somewhere(), self.dice.choice((1, 1, 2))
        self.did[-1] = told = f"click{at}x{times}"
        try:
            await self.board.pilot.click(offset=at, times=times)
        except OutOfBounds:
            pass
        return told

    async def _scroll(self) -> str:
        x, y = self._somewhere()
        kind = self.dice.choice((events.MouseScrollDown, events.MouseScrollUp))
        for _ in range(3):
            self.board.app.screen._forward_event(kind(None, x, y, 0, 0, 0, False, False, False, x, y))
        return f"{kind.__name__}({x}, {y})"

    async def _paste(self) -> str:
        self.board.app.post_message(events.Paste(HOSTILE * self.dice.choice((1, 50))))
        return "paste"

    async def _resize(self) -> str:
        size = self.dice.choice((*SIZES, (self.dice.randint(1, 220), self.dice.randint(1, 70))))
        await self.board.pilot.resize_terminal(*size)
        return f"resize{size}"

    async def _theme(self) -> str:
        self.board.app.theme = self.dice.choice(list(THEMES))
        return self.board.app.theme

    async def _wait(self) -> str:
        await self.board.engine.advance(1.0)
        return "a second"
