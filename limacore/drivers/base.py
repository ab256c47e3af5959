"""What a driver is: how a machine is described, run, asked and ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from msgspec import Struct

from limacore.model.config import Config
from limacore.model.network import Networks
from limacore.paths import HomePaths, InstancePaths

Log = Callable[[str, str], None]
"""`log(level, message)`; levels are those of ha.stderr.log: debug, info, warning, error."""


class MachineSpec(Struct, frozen=True):
    """All that a driver needs to run one instance."""

    name: str
    paths: InstancePaths
    home: HomePaths
    config: Config
    ssh_port: int
    networks: Networks = Networks()
    """What the networks are that the configuration names."""


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


class Driver(Protocol):
    """One way of running machines."""

    name: str

    def run(self, spec: MachineSpec, log: Log) -> AbstractAsyncContextManager[Machine]:
        """Start the machine; leaving the context ends the process and removes what it made. Raises DriverError."""
