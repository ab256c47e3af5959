"""The whole examination: from what is seen to findings, worst first. Nothing is changed by looking."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence

from limacore import hostlink
from limacore.base import notice
from limacore.base.host import machine
from limacore.base.proc import ProcessIdentity
from limacore.base.units import format_size
from limacore.errors import LimaError, NotFoundError
from limacore.health import boot, instance, networks, place, programs, running, settings, storage
from limacore.model.config import Config
from limacore.model.finding import Finding, Severity
from limacore.model.instance import Instance, Status
from limacore.paths import HomePaths, InstancePaths, cache_dir
from limacore.store import scan

_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
_NEARLY_FULL = 0.95
"""Share of its disk that a guest may use before it is said."""


async def examine(home: HomePaths, names: Sequence[str] = (), *, whole: bool = True) -> tuple[Finding, ...]:
    """Everything that is found about this computer, the home and its instances, or about the named instances only.

    With `whole` the disks of named instances are read from end to end, which takes seconds. Raises NotFoundError."""
    everyone = await asyncio.to_thread(scan.scan, home)
    known = {each.name for each in everyone}
    if unknown := [name for name in names if name not in known]:
        raise NotFoundError(f"instance `{unknown[0]}` does not exist", hint=f"see `{notice.program()} list`")
    chosen = [each for each in everyone if each.name in names] if names else everyone
    found = [] if names else [each async for each in _surroundings(home, everyone)]
    table = await asyncio.to_thread(running.all_processes)
    for each in chosen:
        found += await asyncio.to_thread(_of_instance, home, each, table)
        found += [finding async for finding in _asked(home, each, whole=whole and bool(names))]
    return tuple(sorted(found, key=_place_of))


def _place_of(finding: Finding) -> tuple[int, str, int]:
    """The computer first, then the home, then instances and disks; of each the worst first."""
    general = ("host", "home")
    rank = general.index(finding.subject) if finding.subject in general else len(general)
    return rank, finding.subject, _ORDER.index(finding.severity)


async def _surroundings(home: HomePaths, instances: Sequence[Instance]) -> AsyncIterator[Finding]:
    configs = [each.config for each in instances if each.config]
    for finding in await asyncio.to_thread(_unasked, home, instances, configs):
        yield finding
    async for finding in programs.qemu({machine(), *(each.arch for each in configs if each.vm_type == "qemu")}):
        yield finding
    async for finding in programs.virtualization():
        yield finding


def _unasked(home: HomePaths, instances: Sequence[Instance], configs: Sequence[Config]) -> tuple[Finding, ...]:
    """What can be seen without running a program."""
    return tuple(_of_host(configs)) + tuple(_of_home(home, instances))


def _of_host(configs: Sequence[Config]) -> Iterator[Finding]:
    yield from programs.missing()
    yield from programs.sftp_server(configs)
    yield from programs.uefi(configs)
    yield from place.downloads(cache_dir())


def _of_home(home: HomePaths, instances: Sequence[Instance]) -> Iterator[Finding]:
    yield from place.place(home)
    yield from place.space(home, cache_dir())
    yield from place.permissions(home)
    yield from place.left_over(home)
    yield from place.clock(home, time.time())
    yield from settings.networks(home)
    yield from settings.layers(home)
    yield from settings.autostart(home)
    yield from storage.additional(home)
    yield from instance.strangers(home, [each.name for each in instances])
    yield from running.shared_ports(instances)
    yield from networks.networks(home, instances)


def _of_instance(home: HomePaths, seen: Instance, table: Sequence[ProcessIdentity]) -> tuple[Finding, ...]:
    paths = InstancePaths(home.home / seen.name)
    if not paths.lima_yaml.exists():
        return ()
    checks = (
        instance.directory(paths), instance.config(paths, scan.loaded_of(home, seen.name)), instance.age(paths, seen),
        running.processes(paths, seen, table), running.leftovers(paths, seen), running.port(paths, seen),
        storage.main_disk(paths, seen), storage.wanted(home, seen), boot.last_start(paths, seen),
    )  # fmt: skip
    return tuple(finding for check in checks for finding in check)


async def _asked(home: HomePaths, seen: Instance, *, whole: bool) -> AsyncIterator[Finding]:
    """What must be asked of a guest or of qemu-img."""
    paths = InstancePaths(home.home / seen.name)
    if whole:
        for finding in await storage.checked(paths, seen):
            yield finding
    if seen.status is Status.RUNNING:
        for finding in await low_disk(paths):
            yield finding


async def low_disk(paths: InstancePaths) -> tuple[Finding, ...]:
    """Whether the disk of a running guest is nearly full, as its agent measures it."""
    try:
        metrics = (await hostlink.status(paths, metrics=True)).metrics
    except LimaError:
        return ()  # an agent of limactl does not know
    if metrics is None or not metrics.disk_total or metrics.disk_used < metrics.disk_total * _NEARLY_FULL:
        return ()
    used = f"{format_size(metrics.disk_used)} of {format_size(metrics.disk_total)}"
    return (Finding(id="guest-disk-low", severity=Severity.WARNING, subject=f"instance {paths.name}",
                    what="the disk of the guest is nearly full", evidence=(f"{used} are used",),
                    fix=f"stop it, then: {notice.program()} edit --disk=GIB {paths.name}"),)
