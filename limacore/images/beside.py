"""Work on blocks in a thread of its own, while the caller makes the next ones."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

Sink = Callable[[bytes], object]
_AHEAD = 4
"""Blocks that may wait: a thread that gets no processor for a moment does not stop the other."""


@contextlib.contextmanager
def beside(work: Sink) -> Iterator[Sink]:
    """A sink that hands blocks to `work`, one by one in order; what that raises comes out of the sink or the end."""
    waiting: deque[Future[object]] = deque()

    def sink(block: bytes) -> None:
        if len(waiting) == _AHEAD:
            waiting.popleft().result()
        waiting.append(pool.submit(work, block))

    with ThreadPoolExecutor(1) as pool:
        yield sink
        for each in waiting:
            each.result()
