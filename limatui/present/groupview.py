"""The overview of a group: what it costs together, and how each of its members is."""

from __future__ import annotations

from limatui.ink import Line, cut, fit, indent
from limatui.present.rows import Head
from limatui.present.status import status
from limatui.present.words import number, part_of, size

_ABOVE = 6
"""Rows above and below the members."""


def group(head: Head, cells: int, rows: int) -> tuple[Line, ...]:
    """The whole pane in `cells` x `rows`."""
    members = head.group.members
    room = max(0, rows - _ABOVE)
    told: list[Line] = [((fit(each.name, 16), ""), *status(each)) for each in members[:room]]
    more = len(members) - len(told)
    rest: tuple[Line, ...] = (((f"and {more} more", "dim"),),) if more else ()
    return tuple(cut(line, cells) for line in indent((head.title, (), _costs(head), (), *told, *rest), 1))


def _costs(head: Head) -> Line:
    up = [each for each in head.group.members if each.status.is_up]
    cores = sum(each.usage.cpu_percent for each in up) / 100
    used = sum(each.usage.guest_memory_used or each.usage.memory_bytes for each in up)
    total, cpus = sum(each.memory for each in up), sum(each.cpus for each in up)
    kept, unit = size(sum(each.usage.disk_allocated for each in head.group.members))
    busy: Line = (("cpu ", "faint"), (number(cores), "number"), (f" of {cpus} cores   ", "dim"), ("memory ", "faint"),
                  (part_of(used, total), "number"), ("   ", "")) if up else ()
    return (*busy, ("disk ", "faint"), (f"{kept} {unit}", "number"))
