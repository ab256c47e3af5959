"""Mounts as lines, as they really are, and why one cannot be mounted again now: pure."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

from limacore.model.instance import Instance, Status
from limacore.model.mount import MountState
from limatui.ink import Line, cut, fit

_KIND, _ACCESS = 14, 12
_ROOMY = 92
"""Columns from which on there is room for the type."""


def of(subject: Instance | None) -> tuple[MountState, ...]:
    """What the host agent saw, else what lima.yaml asks for."""
    if subject is None:
        return ()
    if subject.mounts or subject.config is None:
        return subject.mounts
    return tuple(MountState(each.location, each.mount_point or each.location, subject.config.mount_type, each.writable)
                 for each in subject.config.mounts)


def key_of(each: MountState) -> str:
    """What tells mounts apart."""
    return each.mount_point


def _path(width: int) -> int:
    return max(12, min(44, (width - 4 - 2 - _ACCESS - 16 - (_KIND if width >= _ROOMY else 0)) // 2))


def titles(width: int) -> Line:
    """The names of the columns."""
    path, kind = _path(width), f"{'TYPE':<{_KIND}}" if width >= _ROOMY else ""
    return ((f"    {'ON THIS COMPUTER':<{path}}  {'IN THE GUEST':<{path}}  {kind}{'ACCESS':<{_ACCESS}}STATE", "faint"),)


def look(each: MountState, up: bool) -> tuple[str, str, str]:
    """Sign, word and colour."""
    if each.mounted:
        return "●", "mounted", "running"
    if not up:
        return "○", "not running", "dim"
    return ("✗", "not mounted", "bad") if each.error else ("◐", "waiting", "warn")


def line(each: MountState, up: bool, width: int) -> Line:
    """One mount."""
    path, (sign, word, mark) = _path(width), look(each, up)
    kind: Line = ((fit(each.type, _KIND), "faint"),) if width >= _ROOMY else ()
    same = each.location == each.mount_point
    return cut((("  ", ""), (f"{sign} ", mark), (fit(each.location, path), "bold" if each.mounted else ""), ("  ", ""),
                (fit("same path" if same else each.mount_point, path), "faint" if same else ""), ("  ", ""), *kind,
                (fit("writable" if each.writable else "read-only", _ACCESS), "dim"), (word, mark)), width)


def details(each: MountState, subject: Instance, cells: int) -> tuple[Line, ...]:
    """What went wrong, and what mounts it again."""
    up = subject.status is Status.RUNNING
    well = "as the guest's mount table says" if each.mounted else "it is mounted when the guest is up"
    told: Line = ((each.error, "bad"),) if each.error else ((well, "dim"),)
    again: Line = ((command(subject.name, each), "dim"),) if up else (("", ""),)
    return tuple(cut(((label.ljust(13), "faint"), *text), cells) for label, text in (
        ("state", told), ("in guest", ((each.mount_point, ""), (f"   {each.type}", "faint"))), ("command", again)))


def command(name: str, each: MountState) -> str:
    """The command line that mounts it again."""
    return f"limatui remount {name} {quote(each.mount_point)}"


def why_not(verb: str, subject: Instance | None, each: MountState | None) -> str:
    """Why it cannot be mounted again or copied now; empty when it can."""
    if verb not in ("remount", "copy"):
        return ""
    if subject is None or each is None:
        return "no mount is selected"
    if verb == "copy":
        return ""
    if subject.status is not Status.RUNNING:
        return f"{subject.name} does not run"
    return "" if subject.mounts else f"the host agent of {subject.name} tells nothing of mounts"


def empty(subject: Instance) -> tuple[Line, ...]:
    """What the pane says when there is nothing to list."""
    why = "plain mode has none" if subject.config and subject.config.plain else "mounts in its lima.yaml make some"
    return ((("no directories of this computer are mounted", "dim"),), (),
            (("e", "accent-key bold"), (f" edits it: {why}", "dim")))


def summary(found: Sequence[MountState], up: bool) -> Line:
    """`2 of 3 mounted`; empty when there is none."""
    if not found:
        return ()
    if not up:
        return ((f"{len(found)} {'directory' if len(found) == 1 else 'directories'} in lima.yaml", "dim"),)
    there = sum(each.mounted for each in found)
    return ((f"{there} of {len(found)} mounted", "dim" if there == len(found) else "warn"),)
