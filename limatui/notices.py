"""What happened between two looks at the fleet, as words: pure."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from limacore.model.instance import Fleet, Instance, Status

_SAID = {
    Status.RUNNING: ("is ready", "running"), Status.STARTING: ("starts", "dim"),
    Status.STOPPING: ("is stopping", "dim"), Status.STOPPED: ("has stopped", "dim"),
    Status.SUSPENDED: ("is suspended", "dim"), Status.PANICKED: ("panicked", "bad"),
    Status.PAUSED: ("is paused", "bad"), Status.ORPHAN_QEMU: ("lost its host agent", "bad"),
    Status.ORPHAN_AGENT: ("lost its VM process", "bad"), Status.BROKEN: ("is broken", "bad"),
}


class Notice(Struct, frozen=True):
    """One event: when (epoch seconds), of which instance, what, and in which colour."""

    at: float
    name: str
    text: str
    mark: str = "dim"
    passing: bool = False
    """True for a step on the way, which nobody needs to be told."""


def happened(before: Fleet | None, after: Fleet, now: float) -> tuple[Notice, ...]:
    """Every change worth a line, in the order of the list."""
    if before is None:
        return tuple(notice for each in after.instances for notice in _errors(None, each, now))
    old = {each.name: each for each in before.instances}
    gone = [name for name in old if after.get(name) is None]
    return (*(notice for each in after.instances for notice in _changes(old.get(each.name), each, now)),
            *(Notice(now, name, "was deleted") for name in gone))


def _changes(old: Instance | None, new: Instance, now: float) -> Iterator[Notice]:
    if old is None:
        yield Notice(now, new.name, "was created")
    elif old.status is not new.status:
        text, mark = _SAID[new.status]
        yield Notice(now, new.name, text + (f": {new.phase}" if new.phase and mark == "bad" else ""), mark)
    elif new.status is Status.STARTING and old.phase != new.phase and new.phase:
        yield Notice(now, new.name, new.phase, passing=True)
    yield from _errors(old, new, now)


def _errors(old: Instance | None, new: Instance, now: float) -> Iterator[Notice]:
    known = set(old.errors) if old else set()
    for text in new.errors:
        if text not in known:
            yield Notice(now, new.name, text, "bad" if new.status is Status.BROKEN else "warn")
