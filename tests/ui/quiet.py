"""When an app has done all that was asked of it: its loop has nothing to run and nothing waits to be painted.

Textual's own pilot sleeps after each key until the process uses little of the processor, which takes long and, on a
busy machine, is luck.
"""

from __future__ import annotations

import asyncio
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen

_THREADS = 0.04
"""Seconds given to threads; what takes longer is waited for by name."""
_ROUNDS = 100


async def quiet(*_: float) -> None:
    """Until the loop has nothing to run now; threads that read a file are given a moment."""
    loop: Any = asyncio.get_running_loop()
    end = loop.time() + _THREADS
    await asyncio.sleep(0)
    while loop._ready or (_reads(loop) and loop.time() < end):  # noqa: ASYNC110 (there is no event for it)
        await asyncio.sleep(0 if loop._ready else 0.001)


def _reads(loop: Any) -> bool:
    pool = loop._default_executor
    return pool is not None and pool._idle_semaphore._value < len(pool._threads)


async def settle(app: App[Any]) -> None:
    """Until all is handled and painted, and what waits for the painting has run."""
    for _ in range(_ROUNDS):
        await quiet()
        if app._exit or not app._screen_stack or not _unpainted(app.screen):
            return
        app.screen._on_timer_update()


def _unpainted(screen: Screen[Any]) -> bool:
    return screen.is_current and not screen.app._batch_count and bool(
        screen._layout_required or screen._scroll_required or screen._repaint_required or screen._recompose_required
        or screen._dirty_widgets or screen._callbacks)


async def wait_for_screen(pilot: Pilot[Any], timeout: float = 0) -> bool:
    """In place of the pilot's own."""
    await settle(pilot.app)
    return pilot.app._exception is None
