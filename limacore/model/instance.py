"""What is known of instances at one moment: frozen values, cheap to compare."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from limacore.model.config import Config
from limacore.model.disk import DataDisk
from limacore.model.finding import Finding
from limacore.model.mount import MountState


class Status(StrEnum):
    """The observed state of an instance; `limactl_word` is how the reference tool would call it."""

    RUNNING = "Running"
    STARTING = "Starting"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    PAUSED = "Paused"
    PANICKED = "Panicked"
    """The machine runs and its guest's kernel has given up."""
    SUSPENDED = "Suspended"
    """Nothing of it runs, and its memory is kept in its disk."""
    ORPHAN_QEMU = "Orphan QEMU"
    ORPHAN_AGENT = "Orphan agent"
    BROKEN = "Broken"

    @property
    def limactl_word(self) -> str:
        """`Running`, `Stopped` or `Broken`: the vocabulary that other programs know."""
        if self in (Status.RUNNING, Status.STARTING, Status.STOPPING, Status.PAUSED, Status.PANICKED):
            return "Running"
        return "Stopped" if self.is_down else "Broken"

    @property
    def is_down(self) -> bool:
        """Whether nothing of it runs, as it should be."""
        return self in (Status.STOPPED, Status.SUSPENDED)

    @property
    def is_up(self) -> bool:
        """Whether a machine is running or about to."""
        return self.limactl_word == "Running" or self is Status.ORPHAN_QEMU


class Usage(Struct, frozen=True):
    """What an instance costs, seen from the host (and from inside where the agent told)."""

    cpu_percent: float = 0.0
    """Of one core, so 200 is two cores."""
    memory_bytes: int = 0
    """Resident memory of the VM process."""
    guest_cpu_percent: float | None = None
    """Of all its processors, as the guest counts; None when not known."""
    guest_load: float = 0.0
    guest_memory_used: int = 0
    """Bytes in use inside, 0 when not known."""
    guest_disk_used: int = 0
    guest_disk_size: int = 0
    disk_allocated: int = 0
    """Bytes that the main disk takes on the host."""
    read_rate: float = 0.0
    write_rate: float = 0.0
    """Bytes per second of the VM process on storage."""


class Step(Struct, frozen=True):
    """One step of a boot: `state` is `pending`, `active`, `done` or `failed`; times in seconds."""

    name: str
    state: str = "pending"
    detail: str = ""
    seconds: float = 0.0


class Forward(Struct, frozen=True):
    """One forwarded port: `state` is `forwarding`, `not-forwarding`, `failed`, or `waiting` for the guest."""

    protocol: str
    guest: str
    host: str = ""
    state: str = "forwarding"
    error: str = ""
    rule: str = ""
    """What decided: `portForwards[0]`, `default`, `the port of ssh`, `by hand`."""


class Instance(Struct, frozen=True):
    """One instance as observed."""

    name: str
    dir: str
    status: Status = Status.STOPPED
    evidence: tuple[str, ...] = ()
    """The facts that the status rests on, one sentence each."""
    phase: str = ""
    """What a starting, stopping, paused or broken instance is at, e.g. `ssh 2/5`."""
    errors: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Why it does not get up, or what of it does not work, as its logs tell; not known to every look."""
    config: Config | None = None
    template: str = ""
    vm_type: str = ""
    arch: str = ""
    cpus: int = 0
    memory: int = 0
    disk: int = 0
    ssh_address: str = "127.0.0.1"
    ssh_port: int = 0
    protected: bool = False
    ha_pid: int = 0
    driver_pid: int = 0
    started_at: float = 0.0
    """Start of the VM process, seconds since the epoch; 0 when it does not run."""
    ready_seconds: float = 0.0
    """How long the last start took until ready; 0 when not known."""
    accel: str = ""
    agent: str = ""
    """`answering`, `over ssh` (a guest in which none can run), `silent` or empty."""
    clock_skew_ms: float | None = None
    edit_waits: bool = False
    """Whether an edit of lima.yaml is kept for the next start."""
    lima_version: str = ""
    message: str = ""
    steps: tuple[Step, ...] = ()
    forwards: tuple[Forward, ...] = ()
    mounts: tuple[MountState, ...] = ()
    """As the host agent saw them last; empty when none of ours runs."""
    addresses: tuple[str, ...] = ()
    """`eth0 192.168.5.15`: what the guest calls itself."""
    usage: Usage = Usage()


class HostUsage(Struct, frozen=True):
    """This computer, as the header shows it."""

    cpu_percent: float = 0.0
    """Of all cores together, 0 to 100."""
    cpus: int = 1
    memory_used: int = 0
    memory_total: int = 0
    disk_free: int = 0
    """Bytes free on the file system of the Lima home."""
    disk_total: int = 0


class Fleet(Struct, frozen=True):
    """Everything the dashboard shows, at one moment."""

    home: str
    instances: tuple[Instance, ...] = ()
    disks: tuple[DataDisk, ...] = ()
    host: HostUsage = HostUsage()

    def get(self, name: str) -> Instance | None:
        """The instance called `name`, or None."""
        return next((each for each in self.instances if each.name == name), None)
