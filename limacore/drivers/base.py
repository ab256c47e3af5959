"""What a driver is: how a machine is described, run, asked and ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from msgspec import Struct

from limacore.model.config import Config
from limacore.model.network import Networks
from limacore.paths import HomePaths, InstancePaths

Log = Callable[[str, str], None]
"""`log(level, message)`; levels are those of ha.stderr.log: debug, info, warning, error."""


class Resume(Struct, frozen=True):
    """A saved state to go on from: the snapshot's tag, and what the machine was like (`Suspending.likeness`)."""

    tag: str
    likeness: tuple[str, ...]


class MachineSpec(Struct, frozen=True):
    """All that a driver needs to run one instance."""

    name: str
    paths: InstancePaths
    home: HomePaths
    config: Config
    ssh_port: int
    networks: Networks = Networks()
    """What the networks are that the configuration names."""
    resume: Resume | None = None


class GuestMemory(Struct, frozen=True):
    """Bytes that a guest has now, and at most."""

    now: int
    most: int


class Exit(Struct, frozen=True):
    """How a machine ended: exit code (negative: signal), and the last lines it printed on stderr."""

    code: int
    stderr: str = ""


class Machine(Protocol):
    """A running VM process."""

    pid: int
    accel: str
    """`kvm`, `hvf`, `tcg`, …: what was really used."""
    description: str
    """For people: `qemu 7.2 · q35 · 2 cpus · tcg`."""
    exited: asyncio.Future[Exit]

    async def power_button(self) -> None:
        """Ask the guest to shut down; raises DriverError when it cannot be asked."""

    async def kill(self) -> None:
        """End the process now and wait for its end."""


@runtime_checkable
class Halting(Protocol):
    """A machine that can stand still for a while."""

    async def halt(self) -> None:
        """Stop its processors; raises DriverError."""

    async def go_on(self) -> None:
        """Let them run; raises DriverError."""


@runtime_checkable
class Suspending(Halting, Protocol):
    """A machine whose memory can be kept in its disk while it does not run."""

    likeness: tuple[str, ...]
    """What a machine that loads this state must have in common with it."""

    async def obstacles(self) -> tuple[str, ...]:
        """Why its memory cannot be kept now; raises DriverError."""

    async def is_ssh_idle(self) -> bool:
        """Whether no connection to the guest's ssh server is open; raises DriverError."""

    async def save(self, tag: str) -> None:
        """Keep memory and devices of the halted machine; raises DriverError."""

    async def forget(self, tag: str) -> None:
        """Give back the room of a state; raises DriverError."""

    async def switch_off(self) -> None:
        """End the process without a word to the guest, everything written; raises DriverError."""


@runtime_checkable
class Ballooning(Protocol):
    """A machine that can be given less memory, and more again."""

    async def memory(self) -> GuestMemory:
        """Raises StateError when the guest cannot, DriverError."""

    async def set_memory(self, wanted: int) -> GuestMemory:
        """Let it have so many bytes; what it has then. Raises as `memory`."""


class Driver(Protocol):
    """One way of running machines."""

    name: str

    def run(self, spec: MachineSpec, log: Log) -> AbstractAsyncContextManager[Machine]:
        """Start the machine; leaving the context ends the process and removes what it made. Raises DriverError."""
