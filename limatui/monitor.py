"""What holds the event loop up, for LIMATUI_MONITOR=1: every callback is timed, those over a frame are told by name.

Two clocks: the wall's, which is what a user waits for, and that of the thread, which leaves out what other programs
took. A stall by the second one is ours.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

FRAME = 0.016
"""Seconds that keys may wait without anybody noticing."""
_KEPT = 1000


class Stall(Struct, frozen=True):
    """One callback that took longer: its task or name, seconds by the wall and by the processor."""

    what: str
    seconds: float
    busy: float


class Monitor:
    """The stalls since it began, newest last; `tell` hears of each."""

    def __init__(self, tell: Callable[[Stall], None] = lambda stall: None, frame: float = FRAME) -> None:
        self.stalls: list[Stall] = []
        self.callbacks = 0
        self._tell, self._frame = tell, frame

    @property
    def worst(self) -> Stall | None:
        """The one that kept the processor longest."""
        return max(self.stalls, key=lambda each: each.busy, default=None)

    def time(self, handle: Any, run: Callable[[Any], None]) -> None:
        """Run a callback and see how long it takes."""
        began, began_busy = time.perf_counter(), time.thread_time()
        run(handle)
        seconds = time.perf_counter() - began
        self.callbacks += 1
        if seconds > self._frame:
            stall = Stall(name(handle), seconds, time.thread_time() - began_busy)
            self.stalls = [*self.stalls[1 - _KEPT:], stall]
            self._tell(stall)


def name(handle: Any) -> str:
    """The task of a callback, or the callback itself."""
    callback = getattr(handle, "_callback", None)
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        coroutine = owner.get_coro()
        frame = getattr(coroutine, "cr_frame", None)
        worker = getattr(frame.f_locals.get("self") if frame else None, "group", None)
        title = f"worker {worker}" if worker else owner.get_name()
        return f"{title} ({getattr(coroutine, '__qualname__', coroutine)})"
    return getattr(callback, "__qualname__", None) or repr(callback)


def line(stall: Stall) -> str:
    """`34 ms (31 ms of them ours) in message pump MainScreen() (…)`."""
    return f"{stall.seconds * 1000:.0f} ms ({stall.busy * 1000:.0f} ms of them ours) in {stall.what}"


@contextmanager
def watching(monitor: Monitor) -> Iterator[Monitor]:
    """Time every callback of every loop of this process until the end of the `with`."""
    usual = vars(asyncio.Handle)["_run"]

    def timed(handle: Any) -> None:
        monitor.time(handle, usual)

    setattr(asyncio.Handle, "_run", timed)  # noqa: B010 (mypy knows no such method)
    try:
        yield monitor
    finally:
        setattr(asyncio.Handle, "_run", usual)  # noqa: B010
