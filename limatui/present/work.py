"""Jobs and events as lines."""

from __future__ import annotations

import time
from collections.abc import Sequence

from limacore.model.job import Job, JobState
from limatui.ink import Line, cut, fit, pad
from limatui.notices import Notice
from limatui.present.meters import meter
from limatui.present.words import seconds

_SIGNS = {
    JobState.RUNNING: ("◐", "warn"), JobState.DONE: ("✓", "running"),
    JobState.FAILED: ("✗", "bad"), JobState.CANCELLED: ("–", "dim"),
}


def job(each: Job, cells: int) -> Line:
    """`◐ start build   cloud-init   ━━━━━╸━━━  41.0 s`."""
    sign, colour = _SIGNS[each.state]
    time_taken = seconds(each.seconds).rjust(9)
    bar = min(30, max(0, cells - 60))
    running = each.state is JobState.RUNNING
    gauge = meter(each.progress, bar, "warn") if running and each.progress is not None and bar else ()
    failed = each.state is JobState.FAILED
    text = each.error if failed else each.detail if running else ""
    head: Line = ((f"{sign} ", colour), (each.title, ""), (f"   {text}", "bad" if failed else "dim"))
    room = cells - len(time_taken) - (bar + 2 if gauge else 0)
    return (*pad(cut(head, room - 1), room), *gauge, ("  " if gauge else "", ""), (time_taken, "dim"))


def job_details(each: Job, cells: int) -> tuple[Line, ...]:
    """Everything that is known of a job."""
    lines: list[Line] = [((each.title, "bold"), (f"  {each.state.value}", _SIGNS[each.state][1]),
                          (f"  {seconds(each.seconds)}", "dim"))]
    if each.error:
        lines += [(), (("✗ ", "bad"), (each.error, ""))]
    if each.hint:
        lines.append((("  ", ""), (each.hint, "dim")))
    lines += [(), (("$ ", "accent-key"), (each.command, "")), (("  y copies it", "faint"),)]
    return tuple(cut(line, cells) for line in lines)


def notice(each: Notice, cells: int) -> Line:
    """`23:14:02  build     kernel 6.12.48 booting`."""
    clock = time.strftime("%H:%M:%S", time.localtime(each.at))
    return cut(((f"{clock}  ", "faint"), (fit(each.name, 10), ""), (each.text, each.mark)), cells)


def jobs(all_jobs: Sequence[Job], cells: int, limit: int) -> tuple[Line, ...]:
    """The newest jobs under their title."""
    if not all_jobs:
        return ((("JOBS", "faint"),), (("nothing runs, nothing failed", "dim"),))
    return ((("JOBS", "faint"),), *(job(each, cells) for each in all_jobs[:limit]))


def notices(all_notices: Sequence[Notice], cells: int, limit: int) -> tuple[Line, ...]:
    """The newest events under their title."""
    if not all_notices:
        return ((("EVENTS", "faint"),), (("nothing happened yet", "dim"),))
    return ((("EVENTS", "faint"),), *(notice(each, cells) for each in all_notices[:limit]))
