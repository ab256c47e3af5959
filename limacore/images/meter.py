"""How far a transfer is: bytes, rate over the last seconds, time left; told a few times a second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from limacore.model.job import Progress

Report = Callable[[Progress], None]
_EVERY = 0.2
_WINDOW = 5.0
"""Seconds over which a rate is taken."""


class Meter:
    """Reports `done` of `total` bytes (0: not known) under a step and a detail."""

    def __init__(self, step: str, detail: str, total: int, report: Report, *, done: int = 0) -> None:
        self.total, self.done = total, done
        self._step, self._detail, self._part, self._report = step, detail, "", report
        self._seen: deque[tuple[float, int]] = deque([(time.monotonic(), done)])
        report(self._progress(0.0))

    def add(self, count: int, part: str = "") -> None:
        """Some more bytes have passed, of one part of the whole."""
        self._part = part
        self.at(self.done + count)

    def at(self, done: int) -> None:
        """So many bytes have passed."""
        self.done = done
        now = time.monotonic()
        if now - self._seen[-1][0] < _EVERY and done != self.total:
            return
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[0][0] > _WINDOW:
            self._seen.popleft()
        self._report(self._progress(self._rate()))

    def finish(self) -> None:
        """All has passed."""
        self.total = self.done
        self._report(Progress(self._step, self._detail, 1.0, self.done, self.total))

    def _rate(self) -> float:
        (began, first), (now, last) = self._seen[0], self._seen[-1]
        return max(last - first, 0) / max(now - began, 0.001)

    def _progress(self, rate: float) -> Progress:
        fraction = min(self.done / self.total, 1.0) if self.total else None
        eta = max(self.total - self.done, 0) / rate if self.total and rate else None
        detail = f"{self._detail}: {self._part}" if self._part else self._detail
        return Progress(self._step, detail, fraction, self.done, self.total, rate, eta)
