"""Jobs and events as lines."""

from __future__ import annotations

import time
from collections.abc import Sequence
from textwrap import wrap

from limacore.model.job import Job, JobState, LogLine
from limatui.ink import Line, cut, fit, pad
from limatui.notices import Notice
from limatui.present.meters import meter
from limatui.present.words import duration, part_of, rate, seconds, size

_SIGNS = {
    JobState.RUNNING: ("◐", "warn"), JobState.DONE: ("✓", "running"),
    JobState.FAILED: ("✗", "bad"), JobState.CANCELLED: ("–", "dim"),
}

_ROOMY, _TITLE = 70, 20
"""Columns from which on titles and times stand in columns, and how wide a title is then."""


def job(each: Job, cells: int) -> Line:
    """`◐ create web   image downloading ubuntu   ━━━━━╸━━━  38 MB/s  12 s left`."""
    sign, colour = _SIGNS[each.state]
    running, failed = each.state is JobState.RUNNING, each.state is JobState.FAILED
    last = _ending(each, cells).rjust(20 if cells >= _ROOMY else 9)
    title = fit(each.title, max(_TITLE, len(each.title))) if cells >= _ROOMY else each.title
    bar = min(30, max(0, cells - 60))
    gauge = meter(each.progress, bar, "warn") if running and each.progress is not None and bar else ()
    text = each.error if failed else each.detail if running else ""
    head: Line = ((f"{sign} ", colour), (title, ""), (f"   {text}", "bad" if failed else "dim"))
    room = cells - len(last) - (bar + 2 if gauge else 0)
    return (*pad(cut(head, room - 1), room), *gauge, ("  " if gauge else "", ""), (last, "dim"))


def _ending(each: Job, cells: int) -> str:
    """How long it will take where that is known, else how long it took so far."""
    if each.state is not JobState.RUNNING or each.eta is None:
        return seconds(each.seconds)
    speed = " ".join(rate(each.rate)) + "  " if each.rate and cells >= _ROOMY else ""
    return f"{speed}{left(each.eta)}"


def at_work(all_jobs: Sequence[Job]) -> dict[str, str]:
    """What is being done to each instance, and how far that is: `stop 40%`, or the share alone of a start."""
    found: dict[str, str] = {}
    for each in all_jobs:
        if each.state is JobState.RUNNING and each.target and each.target not in found:
            share = f"{each.progress:.0%}" if each.progress is not None else ""
            evident = each.verb in ("start", "stop", "restart", "create")
            found[each.target] = share if evident else f"⟳ {each.verb} {share}".rstrip()
    return found


def left(eta: float) -> str:
    """`12 s left`, `3 min left`."""
    return f"{eta:.0f} s left" if eta < 100 else f"{eta / 60:.0f} min left" if eta < 5400 else f"{duration(eta)} left"


def moved(each: Job, cells: int) -> Line:
    """`━━━━━━━╸━━━━━  312/612 MiB   38 MB/s   12 s left` of a running job; nothing when no share is known."""
    if each.state is not JobState.RUNNING or (each.progress is None and not each.done):
        return ()
    amount = part_of(each.done, each.total) if each.total else " ".join(size(each.done)) if each.done else ""
    speed = " ".join(rate(each.rate)) if each.rate else ""
    words = [word for word in (amount, speed, left(each.eta) if each.eta is not None else "") if word]
    if each.progress is None:
        return (("   ".join(words), ""),)
    bar = max(10, min(48, cells - 44))
    share = (f"  {each.progress:4.0%}  ", "")
    return (*meter(each.progress, bar, "warn"), share, *((f"  {word}", "number" if at == 0 else "dim")
                                                         for at, word in enumerate(words)))


def job_details(each: Job, cells: int) -> tuple[Line, ...]:
    """What it is at, why it failed and what to do now, and the command that does the same."""
    lines: list[Line] = [((each.title, "bold"), (f"  {each.state.value}", _SIGNS[each.state][1]),
                          (f"  {seconds(each.seconds)}", "dim"),
                          (f"   {each.detail}" if each.state is JobState.RUNNING else "", "dim"))]
    bar = moved(each, cells)
    if bar:
        lines += [(), bar]
    if each.error:
        lines += [(), *(((("✗ " if at == 0 else "  "), "bad"), (text, ""))
                        for at, text in enumerate(wrap(each.error, max(20, cells - 4))))]
    lines += [(("  ", ""), (text, "dim")) for text in wrap(each.hint, max(20, cells - 4))]
    lines += [(), (("$ ", "accent-key"), (each.command, ""))]
    return tuple(cut(line, cells) for line in lines)


def log(each: Job, cells: int) -> tuple[Line, ...]:
    """What the engine told meanwhile, oldest first: `23:14:02  Using cache …`."""
    return tuple(part for line in each.log for part in _log_lines(line, cells))


def _log_lines(line: LogLine, cells: int) -> tuple[Line, ...]:
    """In as many lines as it needs: a URL is to be read to its end."""
    mark = {"warning": "warn", "error": "bad"}.get(line.level, "dim")
    clock = time.strftime("%H:%M:%S  ", time.localtime(line.at))
    parts = wrap(line.text, max(20, cells - len(clock)), break_on_hyphens=False) or [""]
    return tuple(cut(((clock if at == 0 else " " * len(clock), "faint"), (part, mark)), cells)
                 for at, part in enumerate(parts))


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
