"""What the dashboard polls once a second: the scan, enriched by host agents and by the kernel's process counters."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from limacore import hostlink
from limacore.diagnosis import read
from limacore.errors import HostError, LimaError
from limacore.model.agentstatus import AgentStatus
from limacore.model.disk import DataDisk
from limacore.model.instance import Fleet, HostUsage, Instance, Status, Usage
from limacore.paths import HomePaths, InstancePaths
from limacore.store import disks
from limacore.store.doubt import Doubt
from limacore.store.scan import scan

_SETTLED = 0.2
"""CPU seconds of all cores below which a share of them says nothing."""
_ASK_LIMIT = 0.5
"""Seconds that a host agent may take to answer before its instance is shown without its word."""


class Observer:
    """Keeps the counters of the last look, so that rates can be told."""

    def __init__(self, home: HomePaths) -> None:
        self._home = home
        self._counters: dict[int, tuple[float, float, int, int]] = {}
        self._cpu_times = _host_cpu()
        self._ready_seconds: dict[str, float] = {}
        self._doubt = Doubt()
        self._was_there = False

    async def look(self) -> Fleet:
        """One Fleet; never raises for a single broken instance. Raises HostError when the home is gone."""
        seen = await asyncio.to_thread(self._read)
        if isinstance(seen, Fleet):
            return seen
        instances, data_disks = seen
        words = await asyncio.gather(*(self._ask(each) for each in instances))
        return await asyncio.to_thread(self._fleet, instances, words, data_disks)

    def _fleet(self, instances: tuple[Instance, ...], words: Sequence[AgentStatus | None],
               data_disks: tuple[DataDisk, ...]) -> Fleet:
        """Reads counters of the kernel, so not in the loop."""
        known = (self._enrich(each, word) for each, word in zip(instances, words, strict=True))
        enriched = tuple(replace(each, findings=read.findings(each)) for each in known)
        alive = {each.driver_pid for each in enriched}
        self._counters = {pid: value for pid, value in self._counters.items() if pid in alive}
        return Fleet(str(self._home.home), enriched, data_disks, self._host())

    def _read(self) -> Fleet | tuple[tuple[Instance, ...], tuple[DataDisk, ...]]:
        """The whole look where no host agent has to be asked: each change of threads wakes two of them."""
        self._require_home()
        instances, data_disks = self._doubt.believed(scan(self._home)), disks.list_all(self._home)
        if any(each.ha_pid for each in instances):
            return instances, data_disks
        return self._fleet(instances, (None,) * len(instances), data_disks)

    def _require_home(self) -> None:
        """A home that was there and is gone is not an empty one: what it lies on may not be mounted any more."""
        there = self._home.home.is_dir()
        if self._was_there and not there:
            raise HostError(f"the directory {self._home.home} is gone", hint="mount or make it again")
        self._was_there = there

    async def _ask(self, instance: Instance) -> AgentStatus | None:
        if not instance.ha_pid:
            return None
        try:
            async with asyncio.timeout(_ASK_LIMIT):
                return await hostlink.status(InstancePaths(Path(instance.dir)), metrics=True)
        except (LimaError, OSError, TimeoutError):
            return None

    def _enrich(self, instance: Instance, word: AgentStatus | None) -> Instance:
        usage = self._usage(instance)
        instance = self._with_last_boot(instance)
        if word is None:
            return replace(instance, usage=usage)
        if word.metrics:
            usage = replace(usage, guest_cpu_percent=word.metrics.cpu_percent, guest_load=word.metrics.load,
                            guest_memory_used=word.metrics.memory_used,
                            guest_disk_used=word.metrics.disk_used, guest_disk_size=word.metrics.disk_total)
        return replace(
            instance, usage=usage, steps=word.steps, forwards=word.forwards, mounts=word.mounts, accel=word.accel,
            addresses=word.metrics.addresses if word.metrics else (),
            agent=word.agent, clock_skew_ms=word.clock_skew_ms,
            ready_seconds=word.ready_seconds or instance.ready_seconds,
            phase=word.phase_detail or instance.phase,
            status=Status.PAUSED if word.phase == "paused" else instance.status,
        )  # fmt: skip

    def _with_last_boot(self, instance: Instance) -> Instance:
        """A starting instance shows how long its last start took; its logs are new and do not know."""
        if instance.ready_seconds:
            self._ready_seconds[instance.name] = instance.ready_seconds
        return replace(instance, ready_seconds=self._ready_seconds.get(instance.name, 0.0))

    def _usage(self, instance: Instance) -> Usage:
        if not instance.driver_pid:
            return instance.usage
        now = _process(instance.driver_pid)
        if now is None:
            return instance.usage
        at, cpu, read, written = (time.monotonic(), *now[:3])
        before = self._counters.get(instance.driver_pid, (at, cpu, read, written))
        self._counters[instance.driver_pid] = (at, cpu, read, written)
        span = max(at - before[0], 1e-6) if at > before[0] else 0.0
        rate = (lambda change: change / span) if span else (lambda change: 0.0)
        return replace(instance.usage, cpu_percent=100 * rate(cpu - before[1]), memory_bytes=now[3],
                       read_rate=rate(read - before[2]), write_rate=rate(written - before[3]))

    def _host(self) -> HostUsage:
        import psutil

        before, self._cpu_times = self._cpu_times, _host_cpu()
        busy, total = (now - then for now, then in zip(self._cpu_times, before, strict=True))
        memory = psutil.virtual_memory()
        place = next((each for each in (self._home.home, *self._home.home.parents) if each.exists()), Path("/"))
        space = os.statvfs(place)
        return HostUsage(
            cpu_percent=100 * busy / total if total > _SETTLED else 0.0,
            cpus=os.cpu_count() or 1,
            memory_used=memory.total - memory.available,
            memory_total=memory.total,
            disk_free=space.f_bavail * space.f_frsize,
            disk_total=space.f_blocks * space.f_frsize,
        )


def _host_cpu() -> tuple[float, float]:
    import psutil

    times = psutil.cpu_times()
    total = sum(times[:8])
    return total - times.idle - getattr(times, "iowait", 0.0), total


def _process(pid: int) -> tuple[float, int, int, int] | None:
    """CPU seconds, bytes read and written on storage, resident bytes; None when it is gone."""
    import psutil

    try:
        process = psutil.Process(pid)
        with process.oneshot():
            cpu = process.cpu_times()
            memory = process.memory_info().rss
            storage = process.io_counters() if hasattr(process, "io_counters") else None
    except psutil.Error:
        return None
    read, written = (storage.read_bytes, storage.write_bytes) if storage else (0, 0)
    return cpu.user + cpu.system, read, written, memory
