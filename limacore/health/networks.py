"""The networks of running instances: a machine whose network has ended is cut off until it is started anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from limacore.base import notice
from limacore.base.proc import identity, started_at
from limacore.errors import UsageError
from limacore.model.finding import Finding, Severity
from limacore.model.instance import Instance
from limacore.network import service
from limacore.paths import HomePaths

_SLACK = 5.0
"""Seconds: clocks of the kernel are coarse, and a network is always started before its machines."""


def networks(home: HomePaths, instances: Sequence[Instance]) -> Iterator[Finding]:
    """Machines that are plugged into nothing."""
    for instance in instances:
        names = {each.lima for each in instance.config.networks if each.lima} if instance.config else set()
        for name in sorted(names) if instance.driver_pid else ():
            if lost := _lost(home, name, instance.started_at):
                yield Finding(id="network-lost", severity=Severity.ERROR, subject=f"instance {instance.name}",
                              what=f"it is cut off from network `{name}`", evidence=(lost,),
                              why="the network ended while the machine ran, and a machine is plugged in at its start",
                              fix=f"{notice.program()} restart {instance.name}")


def _lost(home: HomePaths, name: str, since: float) -> str:
    """What shows that a network is not the one that the machine was started with."""
    try:
        paths = home.network(name)
    except UsageError:
        return ""
    if not paths.dir.is_dir():
        return ""  # none of mode user-v2
    process = identity(service.running(paths))
    if process is None:
        return f"no process runs for `{paths.dir}`"
    age = started_at(process) - since
    return f"the network is {age:.0f} s younger than the machine" if since and age > _SLACK else ""
