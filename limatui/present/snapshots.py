"""Snapshots as lines, and the reasons why one cannot be taken or gone back to now: pure."""

from __future__ import annotations

import time
from collections.abc import Sequence
from shlex import quote

from limacore.model.disk import DataDisk
from limacore.model.instance import Instance, Status
from limacore.model.snapshot import Snapshot
from limatui.ink import Line, cut, fit
from limatui.present.words import duration, plural, size

_TAG, _ROOMY = 26, 88
_LONGEST = 128
"""Characters of a tag; qcow2 would take more, no table shows them."""
_QUIET = (Status.RUNNING, Status.STOPPED, Status.PAUSED)


def titles(width: int) -> Line:
    """The names of the columns."""
    return ((f"  {'TAG':<{_TAG}}  {'TAKEN':<19}  {'AGE':>7}  {'MEMORY':>9}  ", "faint"),)


def line(each: Snapshot, now: float, width: int) -> Line:
    """One snapshot."""
    number, unit = size(each.memory)
    memory = f"{number} {unit}" if each.memory else "-"
    kind = "disk and memory" if each.memory else "disk only"
    return cut((("  ", ""), (fit(each.tag, _TAG), ""), (f"  {each.date:<19}", "dim"),
                (f"  {age(each.date, now):>7}", "dim"), (f"  {memory:>9}", "number" if each.memory else "faint"),
                (f"   {kind}" if width >= _ROOMY else "", "faint")), width)


def key_of(each: Snapshot) -> tuple[str, str, str]:
    """What tells snapshots apart: two may have the same tag."""
    return each.tag, each.date, each.id


def age(date: str, now: float) -> str:
    """`2h14m` since a date in local time; empty when it is none."""
    try:
        return duration(now - time.mktime(time.strptime(date, "%Y-%m-%d %H:%M:%S")))
    except (ValueError, OverflowError):
        return ""


def why_none(subject: Instance | None, disks: Sequence[DataDisk]) -> str:
    """Why this instance can have no snapshots, or none now; empty when it can."""
    if subject is None:
        return "no instance is selected"
    if subject.vm_type not in ("qemu", ""):
        return f"{subject.name} runs on {subject.vm_type}, which has no snapshots"
    for disk in disks:
        if disk.holder == subject.name and disk.format == "raw" and (disk.main or subject.status.is_up):
            return (f"the main disk of {subject.name} is raw: snapshots need qcow2" if disk.main else
                    f"disk {disk.name} is raw: while it is attached there can be no snapshot")
    if subject.status not in _QUIET:
        return f"{subject.name} is {subject.status.value.lower()}: wait until it runs or has stopped"
    return ""


def why_not_apply(each: Snapshot | None, subject: Instance | None, disks: Sequence[DataDisk]) -> str:
    """Why there is no way back to a snapshot now."""
    if each is None:
        return "no snapshot is selected"
    reason = why_none(subject, disks)
    if not reason and subject is not None and subject.status.is_up and not each.memory:
        return f"{each.tag} holds the disk only: stop {subject.name} to go back to it"
    return reason


def wrong_tag(tag: str, taken: frozenset[str]) -> str:
    """What is wrong with a tag; QEMU's monitor takes no blanks, and reads digits as an id."""
    if not tag:
        return "the tag: a word such as before-upgrade"
    if len(tag) > _LONGEST:
        return f"the tag: at most {_LONGEST} characters"
    if not tag.isprintable() or any(char.isspace() for char in tag):
        return "the tag: one word, without blanks"
    if tag.isdecimal() or tag.startswith("-") or "'" in tag or '"' in tag or "\\" in tag:
        return "the tag: not a number alone, no leading -, no quotes"
    return f"there is a snapshot {tag} already" if tag in taken else ""


def command(verb: str, name: str, tag: str) -> str:
    """The equivalent command line."""
    return f"limatui snapshot {verb} {name} --tag {quote(tag) if tag else 'TAG'}"


def details(each: Snapshot, reason: str, cells: int) -> tuple[Line, ...]:
    """What it holds, and whether there is a way back now."""
    number, unit = size(each.memory)
    holds = f"the disk and {number} {unit} of memory" if each.memory else "the disk; a machine boots from it"
    clock: Line = ((f", {duration(each.clock)} after its boot", "faint"),) if each.clock else ()
    back: Line = ((reason, "dim"),) if reason else (("enter", "accent-key"), (" goes back to it", "dim"))
    return (cut((("holds        ", "faint"), (holds, "dim"), *clock), cells),
            cut((("now          ", "faint"), *back), cells))


def empty(reason: str) -> tuple[Line, ...]:
    """What the pane says when there is nothing to list."""
    if reason:
        return ((("no snapshots", "dim"),), (), ((reason, "warn"),))
    return ((("no snapshots yet", "dim"),), (),
            (("a", "accent-key bold"), (" takes one: of the disk, and of the memory while it runs", "dim")))


def summary(found: Sequence[Snapshot]) -> Line:
    """`3 snapshots   2.3 GiB of memory in them`; empty when there is none."""
    if not found:
        return ()
    memory = sum(each.memory for each in found)
    number, unit = size(memory)
    kept: Line = (("   ", ""), (f"{number} {unit}", ""), (" of memory in them", "faint")) if memory else ()
    return ((plural(len(found), "snapshot"), "dim"), *kept)
