"""What the demo machines are and what they cost at a given second: pure, the same for the same second."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

from msgspec import Struct

from limacore.drivers.demo import boot, links
from limacore.model.config import Config, Mount, OwnOptions, VmOptions
from limacore.model.disk import DataDisk
from limacore.model.instance import Forward, HostUsage, Instance, Status, Usage
from limacore.model.mount import MountState

GIB = 1 << 30


class Machine(Struct, frozen=True):
    """One pretended machine; times in epoch seconds, sizes in bytes, `scale` stretches its boot."""

    name: str
    status: Status = Status.STOPPED
    phase: str = ""
    evidence: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    protected: bool = False
    arch: str = "x86_64"
    cpus: int = 2
    memory: int = 4 * GIB
    disk: int = 100 * GIB
    memory_share: float = 0.3
    disk_used: int = 3 * GIB
    load: float = 8.0
    ssh_port: int = 0
    started_at: float = 0.0
    ready_seconds: float = 11.2
    scale: float = 1.0
    template: str = "template:default"
    format: str = "qcow2"
    """Of its main disk."""
    forwards: tuple[Forward, ...] = ()
    mounts: tuple[MountState, ...] = ()
    team: str = ""
    """Its label."""


def five(now: float) -> tuple[Machine, ...]:
    """One machine of each kind, as the pictures of the design have them."""
    return (
        Machine("default", Status.RUNNING, protected=True, ssh_port=60022, started_at=now - 8042,
                forwards=links.PORTS, mounts=links.MOUNTS,
                disk_used=int(3.1 * GIB), evidence=("host agent (pid 4211) answers on ha.sock",),
                errors=("port 5432 is taken on the host by postgres (pid 812)",)),
        Machine("build", Status.STARTING, memory=8 * GIB, disk=20 * GIB, disk_used=GIB, ssh_port=40713, cpus=4,
                team="ci", memory_share=0.08, load=388.0, started_at=now - 41, scale=3.0, ready_seconds=52.0,
                evidence=("host agent (pid 4410) runs, not yet ready",)),
        Machine("k8s", disk_used=12 * GIB, template="template:k8s", evidence=("no host agent, no QEMU process",)),
        Machine("ci-arm", Status.PAUSED, "host disk full", team="ci", protected=True, arch="aarch64", ssh_port=40201,
                disk=20 * GIB, disk_used=14 * GIB, memory_share=0.5, load=0.0, started_at=now - 6 * 86400 - 500,
                evidence=("QEMU says: io-error, no space left on the host disk",), template="template:debian-13",
                errors=("paused by QEMU: no space left on the host disk",)),
        Machine("old", Status.ORPHAN_QEMU, "no host agent", memory=2 * GIB, disk=20 * GIB, memory_share=0.2,
                disk_used=int(4.1 * GIB), load=3.0, started_at=now - 11 * 86400, template="template:alpine",
                format="raw",
                evidence=("QEMU (pid 977) runs", "ha.pid names process 951, which is gone")),
    )


def machines(count: int, now: float) -> tuple[Machine, ...]:
    """`count` machines: the five, then plain ones named `vm-006` and so on."""
    return (*five(now)[:count], *(_plain(number, now) for number in range(6, count + 1)))


_TEAMS = ("web", "data", "ci", "web")


def _plain(number: int, now: float) -> Machine:
    running = number % 3 != 0
    return Machine(
        f"vm-{number:03}", Status.RUNNING if running else Status.STOPPED, cpus=1 + number % 4,
        memory=(1 + number % 8) * GIB, disk=(10 + number % 9 * 10) * GIB, disk_used=(1 + number % 7) * GIB,
        load=float(number * 37 % 90), ssh_port=41000 + number if running else 0,
        team=_TEAMS[number % len(_TEAMS)], memory_share=0.1 + number % 8 / 10,
        started_at=now - number * 613 if running else 0.0,
        evidence=("host agent answers on ha.sock",) if running else ("no host agent, no QEMU process",),
    )


def _wave(name: str, second: float) -> float:
    """A deterministic restlessness between 0 and 1."""
    seed = sum(ord(char) * (index + 1) for index, char in enumerate(name))
    slow = math.sin(second / 17 + seed) + 0.6 * math.sin(second / 5.3 + seed * 1.7)
    noise = math.sin(second * 12.9898 + seed) * 43758.5453
    return max(0.0, min(1.0, (slow + 1.6) / 3.2 * 0.75 + (noise - math.floor(noise)) * 0.25))


def usage(machine: Machine, now: float) -> Usage:
    """What the machine costs at this second."""
    if not machine.status.is_up:
        return Usage(disk_allocated=machine.disk_used)
    wave = _wave(machine.name, now) if machine.load else 0.0
    busy, running = machine.status is Status.STARTING, machine.status is Status.RUNNING
    share = 0.92 + 0.1 * wave if busy else 0.2 + 1.6 * wave
    cpu = min(machine.load * share, 100.0 * machine.cpus)
    used = int(machine.memory * machine.memory_share * (0.97 + 0.06 * wave))
    return Usage(
        cpu_percent=cpu, memory_bytes=int(used * 0.8), guest_memory_used=used,
        guest_cpu_percent=max(0.0, cpu / machine.cpus - 1.5) if running else None, guest_load=cpu / 90,
        guest_disk_used=machine.disk_used, guest_disk_size=machine.disk,
        disk_allocated=int(machine.disk_used * (1.55 if machine.protected and running else 1.04)),
        read_rate=1.2e6 * wave if cpu else 0.0, write_rate=2.4e5 * wave if cpu else 0.0,
    )


def observe(machine: Machine, home: Path, now: float, *, edit_waits: bool = False) -> Instance:
    """The machine as an instance at this second."""
    up = machine.status.is_up
    running = machine.status is Status.RUNNING
    starting = machine.status is Status.STARTING
    elapsed = now - machine.started_at
    return Instance(
        name=machine.name, dir=str(home / machine.name), status=machine.status,
        phase=boot.phase(elapsed, machine.scale) if starting else machine.phase,
        evidence=machine.evidence, errors=machine.errors, config=_config(machine.team), template=machine.template,
        vm_type="qemu", arch=machine.arch, cpus=machine.cpus, memory=machine.memory, disk=machine.disk,
        ssh_port=machine.ssh_port if up else 0, protected=machine.protected,
        ha_pid=4211 if running else 0, driver_pid=4213 if up else 0,
        started_at=machine.started_at if up else 0.0, ready_seconds=machine.ready_seconds,
        accel="tcg" if up else "", agent="answering" if running else "", clock_skew_ms=3.0 if running else None,
        edit_waits=edit_waits, lima_version="2.2.0", steps=boot.steps(elapsed, machine.scale) if starting else (),
        forwards=machine.forwards if running else (), mounts=machine.mounts if running else (),
        addresses=links.ADDRESSES[:3 if machine.protected else 2] if running else (), usage=usage(machine, now),
    )


@cache
def _config(team: str) -> Config:
    mounts = tuple(Mount(location=each.location, mount_point=each.mount_point, writable=each.writable)
                   for each in links.MOUNTS)
    labels = OwnOptions(labels={"team": team} if team else {})
    return Config(mount_type="reverse-sshfs", mounts=mounts, vm_opts=VmOptions(limatui=labels))


def host(now: float) -> HostUsage:
    """The computer that the demo pretends to run on."""
    wave = _wave("host", now)
    return HostUsage(cpu_percent=20 + 36 * wave, cpus=8, memory_used=int((2.9 + 0.4 * wave) * GIB),
                     memory_total=24 * GIB, disk_free=41 * GIB, disk_total=200 * GIB)


def disks(machines: tuple[Machine, ...], instances: tuple[Instance, ...], home: Path,
          extra: tuple[DataDisk, ...]) -> tuple[DataDisk, ...]:
    """The main disk of every instance, then the additional ones."""
    main = tuple(
        DataDisk(each.name, f"{home}/{each.name}", each.disk, each.usage.disk_allocated, machine.format, each.name,
                 each.status.is_up, main=True)
        for machine, each in zip(machines, instances, strict=True)
    )
    return main + extra


def extra_disks(home: Path) -> tuple[DataDisk, ...]:
    """Three additional disks: one in use, one free, one with the lock of a machine that does not run."""
    return (
        DataDisk("data", str(home / "_disks/data"), 50 * GIB, 7 * GIB, "qcow2", "default", True),
        DataDisk("registry", str(home / "_disks/registry"), 40 * GIB, 37 * GIB, "qcow2", "k8s"),
        DataDisk("scratch", str(home / "_disks/scratch"), 10 * GIB, 196 << 10, "raw"),
    )
