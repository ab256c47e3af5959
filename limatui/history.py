"""What machines cost over time: one sample a second per instance, kept for ten minutes."""

from __future__ import annotations

from collections import deque
from itertools import islice

from msgspec import Struct

from limacore.model.instance import Fleet, Instance
from limatui.present.rows import cpu_of

KEPT = 600
"""Samples per instance."""
_BETWEEN = 0.9
_HOST = "\0host"
_Sample = tuple[float, float, float, float]


class Past(Struct, frozen=True):
    """The last samples of a machine, oldest first."""

    cpu: tuple[float, ...] = ()
    """Percent of the machine, as this computer sees its process."""
    inside: tuple[float, ...] = ()
    """The same, as the guest counts."""
    memory: tuple[float, ...] = ()
    """Percent of its memory in use inside, or on this computer where the guest does not tell."""
    transfers: tuple[float, ...] = ()
    """Bytes read and written per second."""


class History:
    """Samples by instance; those of instances that are gone are forgotten."""

    def __init__(self) -> None:
        self._samples: dict[str, deque[_Sample]] = {}
        self._last = 0.0

    def add(self, fleet: Fleet, now: float) -> None:
        """Take a sample of everything, unless the last one is less than a second old."""
        if now - self._last < _BETWEEN:
            return
        self._last = now
        known = {_HOST: (fleet.host.cpu_percent, 0.0, 0.0, 0.0)}
        known.update({each.name: _sample(each) for each in fleet.instances if each.status.is_up})
        for name in self._samples.keys() - known.keys():
            del self._samples[name]
        for name, value in known.items():
            self._samples.setdefault(name, deque(maxlen=KEPT)).append(value)

    def of(self, name: str, count: int = KEPT) -> tuple[float, ...]:
        """The last `count` samples in percent of the machine, oldest first."""
        return tuple(sample[0] for sample in self._of(name, count))

    def past(self, name: str) -> Past:
        """Everything that is remembered of a machine."""
        columns = tuple(zip(*self._of(name, KEPT), strict=True))
        return Past(*columns) if columns else Past()

    def host(self, count: int = KEPT) -> tuple[float, ...]:
        """`of` for this computer."""
        return self.of(_HOST, count)

    def _of(self, name: str, count: int) -> tuple[_Sample, ...]:
        samples = self._samples.get(name)
        return tuple(islice(reversed(samples), count))[::-1] if samples else ()


def _sample(instance: Instance) -> _Sample:
    usage = instance.usage
    memory = usage.guest_memory_used or usage.memory_bytes
    return (cpu_of(instance), usage.guest_cpu_percent or 0.0, 100 * memory / (instance.memory or 1),
            usage.read_rate + usage.write_rate)
