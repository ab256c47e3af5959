"""What is typed goes on one key at a time: each waits until the one before it has done what it does.

Textual hands a key at once to whoever has the keyboard then. Of `/abc` in one read (pasted, or over a slow line) all
four would go to the list before the first of them gives the keyboard to the filter, and letters are verbs there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual import events
from textual.message import Message
from textual.widget import Widget

if TYPE_CHECKING:
    from limatui.app import Dashboard

Typed = events.Key | events.Paste
_LOOK = 0.02
"""Seconds between looks whether what a key waits for can still come, while one waits."""
_PATIENCE = 1.0
"""Seconds after which a key goes on in any case: whoever is stuck must not take the keyboard along."""


class Passed(Message):
    """Follows a key through the queues of all that it is offered to, and comes out at the app behind it."""


class TypeAhead:
    """Keeps what is typed while a key is under way, or while somebody is about to take the keyboard."""

    def __init__(self, board: Dashboard, forward: Callable[[Typed], Awaitable[None]]) -> None:
        self._board, self._forward = board, forward
        self._waiting: deque[Typed] = deque()
        self._ahead: Passed | None = None
        self._target: Widget | None = None
        self._held = False
        self._since = 0.0

    async def take(self, typed: Typed) -> None:
        """Let it go on, now or later."""
        if (self._ahead is None or self._lost) and not self._held:
            await self._send(typed)
            return
        self._waiting.append(typed)
        if len(self._waiting) == 1:
            self._since = asyncio.get_running_loop().time()
            self._look()

    async def _send(self, typed: Typed) -> None:
        self._target = self._board.focused or self._board.screen
        await self._forward(typed)
        self._ahead = Passed()
        if not self._target.post_message(self._ahead):
            self._ahead = None

    async def passed(self, message: Passed) -> None:
        """A key has done what it does: the next one."""
        if message is self._ahead:
            self._ahead = None
            await self._next()

    async def _next(self) -> None:
        if self._waiting and self._ahead is None and not self._held:
            self._since = asyncio.get_running_loop().time()
            await self._send(self._waiting.popleft())

    @property
    def _lost(self) -> bool:
        """Whether the key before went to somebody who is gone, so that nothing comes out behind it."""
        target = self._target
        return target is None or not target.is_attached or target.screen is not self._board.screen

    def _look(self) -> None:
        if not self._waiting:
            return
        loop = asyncio.get_running_loop()
        late = loop.time() - self._since > _PATIENCE
        if late or (self._lost and not self._held):
            self._ahead, self._held = None, False
            self._board.call_later(self._next)
        loop.call_later(_LOOK, self._look)

    def hold(self) -> None:
        """Somebody takes the keyboard soon: what is typed until then is for them."""
        self._held = True

    def release(self) -> None:
        """They have it."""
        self._held = False
        self._board.call_later(self._next)

    def came_early(self, key: events.Key) -> bool:
        """Hand a key on that went to a screen on which nobody had the keyboard yet; whether it was one."""
        focused = self._board.focused
        if focused is None or self._target is not self._board.screen:
            return False
        self._target = focused
        focused._forward_event(events.Key(key.key, key.character))
        return True
