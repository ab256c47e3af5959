"""CPU over time: one sample a second per instance, kept for ten minutes."""

from __future__ import annotations

from collections import deque

from limacore.model.instance import Fleet
from limatui.present.rows import cpu_of

KEPT = 600
"""Samples per instance."""
_BETWEEN = 0.9
_HOST = "\0host"


class History:
    """Samples by instance; those of instances that are gone are forgotten."""

    def __init__(self) -> None:
        self._samples: dict[str, deque[float]] = {}
        self._last = 0.0

    def add(self, fleet: Fleet, now: float) -> None:
        """Take a sample of everything, unless the last one is less than a second old."""
        if now - self._last < _BETWEEN:
            return
        self._last = now
        known = {_HOST: fleet.host.cpu_percent}
        known.update({each.name: cpu_of(each) for each in fleet.instances if each.status.is_up})
        for name in self._samples.keys() - known.keys():
            del self._samples[name]
        for name, value in known.items():
            self._samples.setdefault(name, deque(maxlen=KEPT)).append(value)

    def of(self, name: str, count: int = KEPT) -> tuple[float, ...]:
        """The last `count` samples in percent of the machine, oldest first."""
        samples = self._samples.get(name)
        if not samples:
            return ()
        return tuple(samples) if count >= len(samples) else tuple(samples)[-count:]

    def host(self, count: int = KEPT) -> tuple[float, ...]:
        """The same for this computer."""
        return self.of(_HOST, count)
