"""What is not believed at first sight: an instance that looks broken while somebody writes, renames or removes it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from limacore.model.instance import Instance, Status

YOUNG = 2.0
"""Seconds after a change in which its writer may not be done: limactl truncates lima.yaml before it writes it."""


class Doubt:
    """What earlier looks at the instances of a home showed. The first look is believed as it is."""

    def __init__(self) -> None:
        self._seen: dict[str, Instance] | None = None
        self._since: dict[str, float] = {}

    def believed(self, found: Iterable[Instance]) -> tuple[Instance, ...]:
        """The instances, those in doubt as they were before; new ones in doubt are left out."""
        told = tuple(each for each in map(self._instead, found) if each)
        self._seen = {each.name: each for each in told}
        return told

    def _instead(self, instance: Instance) -> Instance | None:
        if self._seen is None or instance.status is not Status.BROKEN:
            self._since.pop(instance.name, None)
            return instance
        since = self._since.setdefault(instance.name, time.monotonic())
        if time.monotonic() - since > YOUNG or not _being_written(instance.dir):
            return instance
        return self._seen.get(instance.name)


def _being_written(directory: str) -> bool:
    now = time.time()
    return any(0 <= now - _changed(path) < YOUNG for path in (Path(directory), Path(directory, "lima.yaml")))


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
