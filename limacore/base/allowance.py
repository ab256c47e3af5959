"""What a guest may cause: so much at once, then so much a second."""

from __future__ import annotations

import time
from collections.abc import Callable


class Allowance:
    """`burst` at once, and `rate` more for each second; what goes beyond is refused.

    `dry` is called when it runs out, and again only after it has been full in between."""

    def __init__(self, burst: int, rate: float, dry: Callable[[], None] | None = None,
                 now: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._rate = rate
        self._dry = dry
        self._now = now
        self._left = float(burst)
        self._since = now()
        self._told = False

    def take(self) -> bool:
        """Whether there is room for one more, which is then used up."""
        before, self._since = self._since, self._now()
        self._left = min(self._burst, self._left + self._rate * (self._since - before))
        if self._left >= 1:
            self._told = self._told and self._left < self._burst
            self._left -= 1
            return True
        if self._dry and not self._told:
            self._dry()
        self._told = True
        return False
