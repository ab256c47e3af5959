"""Running one machine by krunkit, as a child of this process; eth0 is on a user-v2 network, which forwards ssh.

Not run on macOS: tested on the command line, and with a program in the place of krunkit.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from limacore.base import proc
from limacore.base.files import write_atomic
from limacore.base.host import machine as host_arch
from limacore.drivers.base import Exit, Log, Machine, MachineSpec
from limacore.drivers.krunkit import words
from limacore.drivers.mac import Mac
from limacore.drivers.qemu.leftovers import rotate
from limacore.drivers.qemu.links import locked_disks, make_shared_directories
from limacore.drivers.vz import disks, frames, plan
from limacore.drivers.vz.framework import macos_version
from limacore.paths import InstancePaths


class KrunkitDriver:
    """Machines run by krunkit."""

    name = "krunkit"

    def __init__(self, program: str = "krunkit", mac: Mac | None = None) -> None:
        self._program = program
        self._mac = mac or Mac(macos_version(), host_arch())

    def run(self, spec: MachineSpec, log: Log) -> AbstractAsyncContextManager[Machine]:
        """Start krunkit; leaving ends it. Raises DriverError, HostError (it is not installed), LockedError."""
        return _run(spec, log, self._program, self._mac)


class KrunkitMachine:
    """A krunkit process."""

    accel = "hvf"

    def __init__(self, process: proc.Process, cpus: int) -> None:
        self._process = process
        self.pid = process.pid
        self.description = f"krunkit · {cpus} cpu{'' if cpus == 1 else 's'}"
        self.exited: asyncio.Future[Exit] = asyncio.ensure_future(self._end())

    async def _end(self) -> Exit:
        code = await self._process.wait()
        return Exit(0 if code == -signal.SIGTERM else code, self._process.stderr_tail)

    async def power_button(self) -> None:
        """Ask krunkit to end, which is how it is asked to shut its guest down."""
        self._process.signal(signal.SIGTERM)

    async def kill(self) -> None:
        """End it now and wait for its end."""
        self._process.signal(signal.SIGKILL)
        await asyncio.shield(self.exited)


@contextlib.asynccontextmanager
async def _run(spec: MachineSpec, log: Log, program: str, mac: Mac) -> AsyncIterator[KrunkitMachine]:
    wanted = plan.describe(spec, mac.macos)
    words.require(spec.config, wanted, mac)
    words.require_version((await proc.run([program, "--version"], timeout=10)).stdout)
    disks.require_raw(spec.paths, "krunkit")
    make_shared_directories(spec, log, 0o750)
    async with AsyncExitStack() as stack:
        stack.enter_context(locked_disks(spec))
        await disks.make_raw(spec.home, spec.config, log)
        stack.enter_context(_tidy(spec.paths))
        fds = await stack.enter_async_context(frames.connected(wanted.cards, carry=False))
        process = await stack.enter_async_context(_launched(program, spec, wanted, fds, log))
        machine = KrunkitMachine(process, wanted.cpus)
        stack.callback(machine.exited.cancel)
        write_atomic(spec.paths.driver_pid("krunkit"), f"{process.pid}\n")
        yield machine


@contextlib.asynccontextmanager
async def _launched(
    program: str, spec: MachineSpec, wanted: plan.Description, fds: dict[int, int], log: Log,
) -> AsyncIterator[proc.Process]:
    command = words.argv(program, spec, wanted, fds)
    log("debug", f"starting krunkit: {command}")
    with (spec.paths.dir / "krunkit.log").open("a") as file:
        def said(line: str) -> None:
            print(line, file=file, flush=True)

        async with proc.spawn(command, stderr=said, pass_fds=tuple(fds.values()), grace=0) as process:
            yield process


@contextlib.contextmanager
def _tidy(paths: InstancePaths) -> Iterator[None]:
    """Keep the earlier console log; neither before nor afterwards there is a pid file or a socket of krunkit."""
    def remove() -> None:
        for path in (paths.driver_pid("krunkit"), paths.ga_sock):
            path.unlink(missing_ok=True)

    rotate(paths, paths.serial_log)
    remove()
    try:
        yield
    finally:
        remove()
