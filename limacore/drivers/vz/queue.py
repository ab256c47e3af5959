"""The serial dispatch queue of a machine, and the event loop that waits for what is done there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from limacore.drivers.vz.framework import Dispatch

_T = TypeVar("_T")


class Queue:
    """Everything of one machine is called on its queue; answers come back to the event loop that made this."""

    def __init__(self, dispatch: Dispatch, name: str) -> None:
        self._dispatch = dispatch
        self._loop = asyncio.get_running_loop()
        self.handle = dispatch.dispatch_queue_create(name.encode(), None)

    async def call(self, function: Callable[[], _T]) -> _T:
        """What `function` returns or raises when called on the queue."""
        answer: asyncio.Future[_T] = self._loop.create_future()

        def block() -> None:
            try:
                value = function()
            except Exception as error:  # noqa: BLE001 - it belongs to the caller, who waits on the loop
                self.tell(answer, error=error)
            else:
                self.tell(answer, value)

        self._dispatch.dispatch_async(self.handle, block)
        return await answer

    async def ask(self, function: Callable[[Callable[..., None]], None]) -> tuple[Any, ...]:
        """What a method with a completion handler gives to that handler."""
        answer: asyncio.Future[tuple[Any, ...]] = self._loop.create_future()
        await self.call(lambda: function(lambda *values: self.tell(answer, values)))
        return await answer

    def tell(self, future: asyncio.Future[Any], value: Any = None, error: Exception | None = None) -> None:
        """Settle a future of the loop from any thread; the second time nothing happens."""
        self._loop.call_soon_threadsafe(_settle, future, value, error)


def _settle(future: asyncio.Future[Any], value: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)
