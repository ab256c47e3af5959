"""What happened between two looks at the fleet, as words: pure."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from limacore.model.instance import Fleet, HostUsage, Instance, Status
from limacore.model.mount import MountState

_SAID = {
    Status.RUNNING: ("is ready", "running"), Status.STARTING: ("starts", "dim"),
    Status.STOPPING: ("is stopping", "dim"), Status.STOPPED: ("has stopped", "dim"),
    Status.SUSPENDED: ("is suspended", "dim"), Status.PANICKED: ("panicked", "bad"),
    Status.PAUSED: ("is paused", "bad"), Status.ORPHAN_QEMU: ("lost its host agent", "bad"),
    Status.ORPHAN_AGENT: ("lost its VM process", "bad"), Status.BROKEN: ("is broken", "bad"),
}


LOW = 0.05
"""Share of free space below which the disk of this computer is nearly full."""
_HOST = "this host"


class Notice(Struct, frozen=True):
    """One event: when (epoch seconds), of which instance, what, and in which colour."""

    at: float
    name: str
    text: str
    mark: str = "dim"
    passing: bool = False
    """True for a step on the way, which nobody needs to be told."""


def happened(before: Fleet | None, after: Fleet, now: float) -> Iterator[tuple[Notice, ...]]:
    """Every change worth a line: those of one instance after the other, in the order of the list; mostly none."""
    if before is None:
        for each in after.instances:
            yield tuple(_errors(None, each, now))
        return
    old = {each.name: each for each in before.instances}
    for each in after.instances:
        was = old.pop(each.name, None)
        yield () if was is each else tuple(_changes(was, each, now))
    yield tuple(Notice(now, name, "was deleted") for name in old)
    yield tuple(_host(before.host, after.host, now))


def _host(old: HostUsage, new: HostUsage, now: float) -> Iterator[Notice]:
    if new.disk_free < new.disk_total * LOW and not old.disk_free < old.disk_total * LOW:
        left = f"{new.disk_free / 2**30:.1f} GiB"
        yield Notice(now, _HOST, f"has {left} of disk left: guests pause when it is full", "bad")


def _changes(old: Instance | None, new: Instance, now: float) -> Iterator[Notice]:
    if old is None:
        yield Notice(now, new.name, "was created")
    elif old.status is not new.status:
        text, mark = _SAID[new.status]
        yield Notice(now, new.name, text + (f": {new.phase}" if new.phase and mark == "bad" else ""), mark)
    elif new.status is Status.STARTING and old.phase != new.phase and new.phase:
        yield Notice(now, new.name, new.phase, passing=True)
    elif new.status is Status.RUNNING:
        yield from _losses(old, new, now)
    yield from _errors(old, new, now)


def _losses(old: Instance, new: Instance, now: float) -> Iterator[Notice]:
    """What a machine that goes on running has lost, or has again."""
    failed = {(each.protocol, each.host) for each in old.forwards if each.state == "failed"}
    for each in new.forwards:
        if each.state == "failed" and (each.protocol, each.host) not in failed:
            yield Notice(now, new.name, f"cannot forward {each.guest} to {each.host}: {each.error}", "warn")
    was = {each.mount_point: each for each in old.mounts}
    for mount in new.mounts:
        yield from _mount(was.get(mount.mount_point), mount, new.name, now)
    if old.agent == "answering" and new.agent == "silent":
        yield Notice(now, new.name, "its guest agent went silent", "warn")


def _mount(old: MountState | None, new: MountState, name: str, now: float) -> Iterator[Notice]:
    if old is None or old.mounted == new.mounted:
        return
    if new.mounted:
        yield Notice(now, name, f"{new.mount_point} is mounted again", "running")
    else:
        why = f": {new.error}" if new.error else ""
        yield Notice(now, name, f"lost its mount {new.mount_point}{why}", "warn")


def _errors(old: Instance | None, new: Instance, now: float) -> Iterator[Notice]:
    known = set(old.errors) if old else set()
    for text in new.errors:
        if text not in known:
            yield Notice(now, new.name, text, "bad" if new.status is Status.BROKEN else "warn")
