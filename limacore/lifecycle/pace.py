"""How far a long copy is: told ten times a second at most, with the rate of the last seconds and what is left."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from limacore.model.job import Progress

_EVERY = 0.1
_WINDOW = 5.0  # seconds over which the rate is taken


class Pace:
    """Counts bytes of one job; `total` 0 when it is not known."""

    def __init__(self, step: str, what: str, total: int, report: Callable[[Progress], None]) -> None:
        self._step, self._what, self._total, self._report = step, what, total, report
        self._done = 0
        self._seen = deque([(time.monotonic(), 0)])

    def add(self, count: int, detail: str = "") -> None:
        """So many bytes more are through; `detail` says of which file."""
        self._done += count
        now = time.monotonic()
        if now - self._seen[-1][0] < _EVERY and self._done < self._total:
            return
        self._seen.append((now, self._done))
        while len(self._seen) > 2 and now - self._seen[0][0] > _WINDOW:
            self._seen.popleft()
        self._tell(detail)

    def _tell(self, detail: str) -> None:
        (then, before), (now, done) = self._seen[0], self._seen[-1]
        rate = (done - before) / (now - then) if now > then else 0.0
        left = (self._total - done) / rate if rate and self._total else None
        fraction = done / self._total if self._total else None
        self._report(Progress(self._step, f"{self._what}: {detail}" if detail else self._what, fraction, done=done,
                              total=self._total, rate=rate, eta=left))
