"""The first line of the screen: where we are, what runs, what this computer has left."""

from __future__ import annotations

from collections.abc import Sequence

from limacore.model.instance import Fleet, Status
from limacore.model.job import Job, JobState
from limatui.ink import Line, spread, width
from limatui.present.meters import spark
from limatui.present.words import part_of, size

_RUNS = (Status.RUNNING, Status.STARTING, Status.STOPPING)


def header(fleet: Fleet, cpu: Sequence[float], jobs: Sequence[Job], cells: int, home: str = "",
           trouble: str = "") -> Line:
    """The line in `cells` cells; what matters least goes first when it is narrow."""
    left: Line = ((" lima", "bold text-bright"), ("tui", "bold accent-key"), (f"  {home}", "dim"))
    if trouble:
        return spread(left, ((f"! not current: {trouble} ", "bad"),), cells)
    if not fleet.home:
        return spread(left, (("looking … ", "dim"),), cells)
    parts = [_running(fleet), *_host(fleet, cpu, cells >= 100)]
    job = busy(jobs)
    room = cells - width(left) - 2
    while len(parts) > 1 and sum(width(part) + 3 for part in parts) > room:
        parts.pop(_least(parts))
    right = _join(([job] if job and width(job) + 3 + sum(width(part) + 3 for part in parts) <= room else []) + parts)
    return spread(left, (*right, (" ", "")), cells)


def _least(parts: Sequence[Line]) -> int:
    return len(parts) - 1 if len(parts) != 3 else 1


def _join(parts: Sequence[Line]) -> Line:
    spans: list[tuple[str, str]] = []
    for part in parts:
        spans += [("   ", ""), *part] if spans else part
    return tuple(spans)


def _running(fleet: Fleet) -> Line:
    up = sum(each.status in _RUNS for each in fleet.instances)
    return ((str(up), "bold running" if up else "bold dim"), (f" of {len(fleet.instances)} running", "dim"))


def _host(fleet: Fleet, cpu: Sequence[float], roomy: bool) -> tuple[Line, ...]:
    host = fleet.host
    if not host.memory_total:
        return ()
    free, unit = size(host.disk_free)
    used, total = part_of(host.memory_used, host.memory_total, short=not roomy).split("/")
    low = host.disk_total and host.disk_free < host.disk_total * 0.05
    return (
        (("cpu ", "faint"), (spark(cpu, 8) + " " if roomy else "", "number"), (f"{host.cpu_percent:.0f}%", "")),
        (("mem ", "faint"), (used, ""), (f"/{total}", "dim")),
        (("disk ", "faint"), (f"{free} {unit}", "warn" if low else ""), (" free", "dim")),
    )


def busy(jobs: Sequence[Job]) -> Line:
    """`⟳ start build 62%` for the newest running job, or nothing."""
    running = [job for job in jobs if job.state is JobState.RUNNING]
    if not running:
        return ()
    job = running[0]
    share = f" {job.progress:.0%}" if job.progress is not None else ""
    more = f" +{len(running) - 1}" if len(running) > 1 else ""
    return (("⟳ ", "warn"), (job.title, ""), (f"{share}{more}", "dim"))
