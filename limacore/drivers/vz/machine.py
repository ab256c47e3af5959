"""Running one machine by Apple's Virtualization framework, inside this process.

Not run on macOS: tested on each call to the framework with a recorder, and with real files and sockets.
Kept out: guests with macOS, a window for the display, snapshots, disks in ASIF.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

from msgspec.structs import replace

from limacore.base.files import write_atomic
from limacore.base.host import machine as host_arch
from limacore.drivers import relay
from limacore.drivers.base import Exit, Log, Machine, MachineSpec
from limacore.drivers.mac import Mac
from limacore.drivers.qemu.leftovers import rotate
from limacore.drivers.qemu.links import locked_disks, make_shared_directories
from limacore.drivers.vz import console, disks, frames, leases, plan, rules, running
from limacore.drivers.vz.framework import Framework, load
from limacore.drivers.vz.objects import Ends
from limacore.drivers.vz.queue import Queue
from limacore.errors import DriverError
from limacore.model.network import mac_address
from limacore.paths import InstancePaths, hostname

_GUEST_TIME = 5.0
"""Seconds that the guest's network may take to accept a connection."""


class VzDriver:
    """Machines of Apple's framework, which live and die with this process."""

    name = "vz"

    def __init__(self, frameworks: Callable[[], Framework] = load, leases_file: Path = leases.FILE) -> None:
        self._load = frameworks
        self._leases = leases_file

    def run(self, spec: MachineSpec, log: Log) -> AbstractAsyncContextManager[Machine]:
        """Start the machine; leaving ends it and removes its sockets and pid file.

        Raises DriverError (refused, or it failed), HostError (no such framework here), LockedError, ImageError.
        """
        return _run(spec, log, self._load(), self._leases)


class VzMachine:
    """A machine in this process."""

    accel = "hvf"

    def __init__(self, guest: running.Running, spec: MachineSpec) -> None:
        self._guest = guest
        self.pid = os.getpid()
        self.exited: asyncio.Future[Exit] = guest.exited
        cpus = spec.config.cpus
        self.description = f"vz · {cpus} cpu{'' if cpus == 1 else 's'}"

    async def power_button(self) -> None:
        """Ask the guest to shut down; raises DriverError when it cannot be asked."""
        await self._guest.request_stop()

    async def kill(self) -> None:
        """End the machine now and wait for its end; raises DriverError when the framework refuses."""
        await self._guest.stop()


@contextlib.asynccontextmanager
async def _run(spec: MachineSpec, log: Log, frameworks: Framework, lease_file: Path) -> AsyncIterator[VzMachine]:
    mac = Mac(frameworks.macos, host_arch())
    rules.require(spec.config, mac)
    for text in rules.warnings(spec.config, mac):
        log("warning", text)
    disks.require_raw(spec.paths, "vz")
    wanted = plan.describe(spec, frameworks.macos)
    make_shared_directories(spec, log, 0o750)
    async with AsyncExitStack() as stack:
        stack.enter_context(locked_disks(spec))
        await disks.make_raw(spec.home, spec.config, log)
        stack.enter_context(_tidy(spec.paths))
        guest = await _launch(stack, spec, wanted, frameworks, log)
        write_atomic(spec.paths.driver_pid("vz"), f"{os.getpid()}\n")
        if not spec.config.plain:
            await stack.enter_async_context(relay.on_path(
                spec.paths.ga_sock, lambda: guest.connect(plan.AGENT_PORT), log))
        if isinstance(wanted.cards[0].to, plan.Nat):  # a user-mode network forwards the ssh port itself
            await _lead_ssh_in(stack, spec, tuple(_ssh_ways(spec, guest, lease_file)), log)
        yield VzMachine(guest, spec)


async def _launch(
    stack: AsyncExitStack, spec: MachineSpec, wanted: plan.Description, frameworks: Framework, log: Log,
) -> running.Running:
    queue = Queue(frameworks.dispatch, f"limatui.{spec.name}")
    if wanted.rosetta and (reason := await running.with_rosetta(frameworks, queue)):
        log("warning", f"Unable to configure Rosetta: {reason}")
        wanted = replace(wanted, rosetta=False)
    for_guest, from_guest = await stack.enter_async_context(console.connected(spec.paths))
    ends = Ends(for_guest, from_guest, await stack.enter_async_context(frames.connected(wanted.cards)))
    return await stack.enter_async_context(running.started(frameworks, queue, wanted, ends))


async def _lead_ssh_in(
    stack: AsyncExitStack, spec: MachineSpec, ways: tuple[tuple[str, relay.Connect], ...], log: Log,
) -> None:
    """The ssh port leads to the guest's ssh server, by the first way that works."""
    chosen: set[str] = set()

    async def connect() -> socket.socket:
        name, found = await relay.first(*ways)
        if name not in chosen:
            chosen.add(name)
            log("info", f"127.0.0.1:{spec.ssh_port} leads to {name}")
        return found

    await stack.enter_async_context(relay.on_port(spec.ssh_port, connect, log))


def _ssh_ways(spec: MachineSpec, guest: running.Running, lease_file: Path) -> Iterator[tuple[str, relay.Connect]]:
    if plan.over_vsock(spec.config):
        yield f"vsock port {plan.SSH_PORT}", lambda: guest.connect(plan.SSH_PORT)
    yield "the guest's address", lambda: _by_address(spec, lease_file)


async def _by_address(spec: MachineSpec, lease_file: Path) -> socket.socket:
    text = await asyncio.to_thread(lease_file.read_text, errors="replace")
    found = leases.address(text, mac_address(str(spec.paths.dir)), hostname(spec.name))
    if not found:
        raise DriverError("macOS has given the guest no address yet")
    sock = socket.socket()
    sock.setblocking(False)
    try:
        async with asyncio.timeout(_GUEST_TIME):
            await asyncio.get_running_loop().sock_connect(sock, (found, plan.SSH_PORT))
    except BaseException:
        sock.close()
        raise
    return sock


@contextlib.contextmanager
def _tidy(paths: InstancePaths) -> Iterator[None]:
    """Keep the earlier console log, and leave no pid file."""
    rotate(paths, paths.serial("serialv", "log"))
    try:
        yield
    finally:
        paths.driver_pid("vz").unlink(missing_ok=True)
