"""Messages between host agent and guest agent: one JSON object per line, at most 64 KiB, UTF-8.

The guest is never trusted: what does not decode into these is refused and logged.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

MAX_LINE = 65536
"""Bytes of the longest line that either side accepts."""

Size = Annotated[int, Meta(ge=0, lt=1 << 62)]
Code = Annotated[int, Meta(ge=-(1 << 31), lt=1 << 31)]

PORT_NAME = "io.lima-vm.guest_agent.0"
"""The virtio serial port that carries the messages."""


class Port(Struct, frozen=True):
    """A listening socket of the guest."""

    protocol: Literal["tcp", "udp"]
    ip: Annotated[str, Meta(max_length=64)]
    port: Annotated[int, Meta(ge=0, lt=1 << 16)]


class Hello(Struct, frozen=True, tag="hello"):
    """First message of the agent after each connect, and its answer to `Ask("hello")`."""

    version: Code
    iid: str = ""
    boot_id: str = ""
    kernel: str = ""
    hostname: str = ""
    uptime: float = 0.0
    port_source: str = ""
    """`tracefs`, `sock_diag` or `proc`; `ssh` where a shell answers in the place of an agent."""


class BootProgress(Struct, frozen=True, tag="boot"):
    """A boot script began (`state` = `start`) or ended (`end`); or `state` = `ready` with the instance id."""

    state: str
    name: str = ""
    exit_code: Code | None = None
    seconds: float = 0.0
    iid: str = ""
    output: str = ""
    """The last lines that a script which failed has printed."""


class Ports(Struct, frozen=True, tag="ports"):
    """Listening sockets that came and went; `full` when `added` is all there is (or begins it)."""

    added: tuple[Port, ...] = ()
    removed: tuple[Port, ...] = ()
    full: bool = False
    more: bool = False
    """The rest follows in the next message, since a line is limited."""


class Metrics(Struct, frozen=True, tag="metrics"):
    """Load (1 min), share of the CPUs in use (0-100 of all), memory and root file system in bytes."""

    load: float = 0.0
    cpu_percent: float = 0.0
    memory_total: Size = 0
    memory_used: Size = 0
    disk_total: Size = 0
    disk_used: Size = 0
    addresses: Annotated[tuple[Annotated[str, Meta(max_length=100)], ...], Meta(max_length=16)] = ()
    """`eth0 192.168.5.15`, without those of the machine to itself; at most 16."""


class Clock(Struct, frozen=True, tag="clock"):
    """Guest clock minus host clock before the change, in milliseconds; `adjusted` when it was set."""

    skew_ms: float
    adjusted: bool = False
    error: str = ""


class Note(Struct, frozen=True, tag="note"):
    """Something that the agent wants in the host's log."""

    message: str
    level: str = "info"


FromGuest = Hello | BootProgress | Ports | Metrics | Clock | Note


class Ask(Struct, frozen=True, tag="ask"):
    """Host asks: `what` is `hello`, `ports` (a full dump) or `metrics` (once)."""

    what: str


class SetClock(Struct, frozen=True, tag="set-clock"):
    """Host time in seconds since the epoch; the guest steps its clock when it is off by more than 100 ms."""

    time: float


class SetInterval(Struct, frozen=True, tag="set-interval"):
    """Seconds between metrics; 0 stops them."""

    metrics: float


class PowerOff(Struct, frozen=True, tag="power-off"):
    """Ordered shutdown; `reboot` to come up again."""

    reboot: bool = False


class Touch(Struct, frozen=True, tag="touch"):
    """A file of a mount was changed on the host at `time` (seconds since the epoch): wakes watchers in the guest."""

    path: str
    time: float


ToGuest = Ask | SetClock | SetInterval | PowerOff | Touch
