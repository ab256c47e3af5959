"""The logs of an instance's last boot as values, and what they tell of its state; nothing is asked of anybody."""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path
from typing import BinaryIO

from msgspec.structs import replace

from limacore.base import notice
from limacore.diagnosis import when
from limacore.diagnosis.diagnose import Boot, Text, diagnose, living
from limacore.model.finding import Finding, Severity
from limacore.model.instance import Instance, Status
from limacore.paths import InstancePaths

_CONSOLES = ("serial", "serialp", "serialv")
_TAIL = 512 << 10


def last_boot(paths: InstancePaths, *, up: bool) -> Boot:
    """What the logs of the last boot hold."""
    now = time.time()
    consoles = (_text(paths.serial(kind, "log"), now) for kind in _CONSOLES)
    found = tuple(each for each in consoles if each.data or each.name == paths.serial_log.name)
    return Boot(paths.name, notice.program(), found, _text(paths.ha_stderr, now), up, now)


_counted: dict[Path, tuple[int, int, int]] = {}
"""Of each log: its inode, a place in it, and the lines before that place. Logs grow, so each byte is counted once."""


def _text(path: Path, now: float) -> Text:
    """The end of a log."""
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            before = max(0, state.st_size - _TAIL)
            lines = _lines_before(path, file, state.st_ino, before)
            file.seek(before)
            return Text(path.name, file.read(_TAIL), lines + 1, max(0.0, now - state.st_mtime))
    except OSError:
        return Text(path.name)


def _lines_before(path: Path, file: BinaryIO, inode: int, place: int) -> int:
    known, at, lines = _counted.get(path, (0, 0, 0))
    if known != inode or at > place:
        at, lines = 0, 0
    file.seek(at)
    while at < place and (block := file.read(min(_TAIL, place - at))):
        at, lines = at + len(block), lines + block.count(b"\n")
    if place:
        _counted[path] = (inode, at, lines)
    return lines


def findings(instance: Instance) -> tuple[Finding, ...]:
    """What keeps an instance from getting up, or is wrong with one that got up only half; notes are left out."""
    paths = InstancePaths(Path(instance.dir))
    if not when.worth_a_look(instance):
        return ()
    if instance.status in (Status.STARTING, Status.PANICKED, Status.STOPPED):
        found = diagnose(last_boot(paths, up=instance.status.is_up))
    else:
        found = _of_a_living(paths, degraded=bool(instance.errors) or instance.status is Status.PAUSED)
    return tuple(each for each in found if each.severity is not Severity.NOTE)


def _of_a_living(paths: InstancePaths, *, degraded: bool) -> tuple[Finding, ...]:
    return _known(paths.dir, degraded, *(_state(paths.serial(kind, "log")) for kind in _CONSOLES),
                  _state(paths.ha_stderr))


@functools.lru_cache(maxsize=256)
def _known(folder: Path, degraded: bool, *states: tuple[int, int]) -> tuple[Finding, ...]:
    """Read again only when a log has grown: this is asked once a second."""
    boot = last_boot(InstancePaths(folder), up=True)
    shown = replace(boot, consoles=()) if degraded else None
    return (*(each for each in living(boot) if each.severity is Severity.ERROR), *(diagnose(shown) if shown else ()))


def _state(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError:
        return 0, 0
    return state.st_size, state.st_mtime_ns


def told(paths: InstancePaths, *, up: bool) -> tuple[Finding, ...]:
    """What the logs of a start that failed or takes long say, worst first."""
    ranks = list(Severity)
    return tuple(sorted(diagnose(last_boot(paths, up=up)), key=lambda each: ranks.index(each.severity)))


def sentence(finding: Finding) -> str:
    """A finding on one line: cause and the line that shows it."""
    return f"{finding.what} ({finding.evidence[0]})" if finding.evidence else finding.what
