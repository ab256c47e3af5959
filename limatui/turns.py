"""Turns of the event loop: much work is done in pieces, and what a user has just pressed goes first.

A key passes five messages before it is painted. If data took a piece of the loop between every two of them, a key would
wait for five pieces; so for a moment after input data waits, however much of it there is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

PIECE = 0.003
"""Seconds of work before others have their turn: a fifth of a frame."""
QUIET = 0.015
"""Seconds after input in which data waits; shorter than the time between two keys of one that is held down."""

T = TypeVar("T")


class Input:
    """When the user was last heard; set by the thread that reads the terminal."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = float("-inf")

    def heard(self) -> None:
        """A key or the mouse, just now."""
        self._last = self._clock()

    @property
    def rest(self) -> float:
        """Seconds for which data should still wait; 0 when nobody has just typed."""
        return max(0.0, self._last + QUIET - self._clock())


INPUT = Input()
"""One terminal to a process."""


async def give_way(seconds: float = 0.0) -> None:
    """Let others run, for at least so many seconds; longer while a key is on its way to the screen."""
    await asyncio.sleep(max(seconds, INPUT.rest))


async def in_pieces(work: Iterable[T], clock: Callable[[], float] = time.perf_counter) -> list[T]:
    """All that `work` yields; whenever a piece of time is used up, others have their turn."""
    done, end = [], clock() + PIECE
    for each in work:
        done.append(each)
        if clock() >= end:
            await give_way()
            end = clock() + PIECE
    return done
