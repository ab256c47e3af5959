"""Running one instance as a distribution of the Windows Subsystem for Linux.

Not run on Windows: tested with a program that answers as wsl.exe does, for each command line and file. The rest of
limatui does not run on Windows yet either, so this driver is there for the day it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

from limacore.base import proc
from limacore.base.files import write_atomic
from limacore.base.host import machine as host_arch
from limacore.drivers import relay
from limacore.drivers.base import Exit, Log, Machine, MachineSpec
from limacore.drivers.wsl2 import hvsock, rules, words
from limacore.drivers.wsl2.program import IMPORT_TIME, Wsl
from limacore.errors import DriverError
from limacore.model.network import vsock_port

SSH_PORT = 22
_GUEST_TIME = 5.0
"""Seconds that the distribution may take to accept a connection."""


class WslDriver:
    """Distributions of WSL 2."""

    name = "wsl2"

    def __init__(self, program: str = "wsl.exe", registry: str = "reg.exe", arch: str = "") -> None:
        self._program = program
        self._registry = registry
        self._arch = arch or host_arch()

    def run(self, spec: MachineSpec, log: Log) -> AbstractAsyncContextManager[Machine]:
        """Import the distribution where that was not done, and start it; leaving ends it.

        Raises DriverError (refused, or wsl.exe failed), HostError (there is no wsl.exe).
        """
        rules.require(spec.config, self._arch)
        return _run(spec, log, Wsl(self._program, spec.name), self._registry)

    async def forget(self, name: str) -> None:
        """Remove the distribution of an instance that is deleted; raises DriverError, HostError."""
        wsl = Wsl(self._program, name)
        if await wsl.state() != words.UNINITIALIZED:
            await wsl.must(words.unregister(self._program, name), f"wsl.exe cannot remove `{words.distro(name)}`")


class WslMachine:
    """A distribution that is kept running by a process of ours."""

    accel = "hyper-v"
    description = "wsl2"

    def __init__(self, wsl: Wsl, keeper: proc.Process) -> None:
        self._wsl = wsl
        self._keeper = keeper
        self._asked = False
        self.pid = keeper.pid
        self.exited: asyncio.Future[Exit] = asyncio.ensure_future(self._end())

    async def _end(self) -> Exit:
        code = await self._keeper.wait()  # it fails also when the distribution was ended in order
        return Exit(0 if self._asked else code, self._keeper.stderr_tail)

    async def power_button(self) -> None:
        """End the distribution: WSL has no gentler way. Raises DriverError."""
        self._asked = True
        await self._wsl.must(words.terminate(self._wsl.program, self._wsl.name), "wsl.exe cannot end the distribution")

    async def kill(self) -> None:
        """The same, and wait for its end."""
        await self.power_button()
        await asyncio.shield(self.exited)


@contextlib.asynccontextmanager
async def _run(spec: MachineSpec, log: Log, wsl: Wsl, registry: str) -> AsyncIterator[WslMachine]:
    for text in (*rules.warnings(spec.config), *words.elsewhere(spec.config)):
        log("warning", text)
    await _imported(spec, wsl, log)
    async with AsyncExitStack() as stack:
        machine = await stack.enter_async_context(_kept_alive(spec, wsl))
        await stack.enter_async_context(_booted(spec, wsl, log))
        await stack.enter_async_context(relay.on_port(spec.ssh_port, lambda: _by_address(wsl), log))
        if hvsock.possible() and not spec.config.plain:
            await stack.enter_async_context(relay.on_path(
                spec.paths.ga_sock, await _agent(spec, wsl, registry, log), log))
        yield machine


async def _imported(spec: MachineSpec, wsl: Wsl, log: Log) -> None:
    state = await wsl.state()
    log("info", f"distribution `{words.distro(spec.name)}`: {state}")
    if state == words.UNINITIALIZED:
        if not spec.paths.basedisk.exists():
            raise DriverError(f"`{spec.paths.basedisk}` is missing", detail="it is the root file system to import",
                              hint="delete the instance and create it again")
        command = words.import_distro(wsl.program, spec.name, spec.paths.dir, spec.paths.basedisk)
        await wsl.must(command, "wsl.exe cannot import the root file system", IMPORT_TIME)


@contextlib.asynccontextmanager
async def _kept_alive(spec: MachineSpec, wsl: Wsl) -> AsyncIterator[WslMachine]:
    pid_file = spec.paths.driver_pid("wsl2")
    async with proc.spawn(words.keep_alive(wsl.program, spec.name, spec.paths.dir), grace=0) as keeper:
        machine = WslMachine(wsl, keeper)
        write_atomic(pid_file, f"{keeper.pid}\n")
        try:
            yield machine
        finally:
            if not machine.exited.done():
                await machine.power_button()
            pid_file.unlink(missing_ok=True)
            machine.exited.cancel()


@contextlib.asynccontextmanager
async def _booted(spec: MachineSpec, wsl: Wsl, log: Log) -> AsyncIterator[None]:
    """Run the boot scripts beside everything else; what they print is in the guest's log and in ours."""
    with _script_file(words.boot_script(await _guest_path(wsl, spec.paths.cidata_folder))) as file:
        command = words.inside(wsl.program, spec.name, "bash", await _guest_path(wsl, file))
        booting = asyncio.create_task(_boot(command, log))
        try:
            yield
        finally:
            booting.cancel()
            await asyncio.gather(booting, return_exceptions=True)


async def _guest_path(wsl: Wsl, path: Path) -> str:
    command = words.guest_path_of(wsl.program, wsl.name, path)
    return (await wsl.must(command, f"wsl.exe cannot find `{path}` in the distribution")).strip()


@contextlib.contextmanager
def _script_file(text: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lima-wsl2-boot-") as folder:
        file = Path(folder) / "boot.sh"
        file.write_text(text, newline="\n")
        yield file


async def _boot(command: list[str], log: Log) -> None:
    def said(line: str) -> None:
        log("debug", f"boot: {line}")

    async with proc.spawn(command, stdout=said, stderr=said, grace=0) as process:
        if code := await process.wait():
            log("error", f"the boot scripts ended with exit status {code}; see /var/log/lima-init.log in the guest")


async def _by_address(wsl: Wsl) -> socket.socket:
    address = await wsl.address()
    sock = socket.socket()
    sock.setblocking(False)
    try:
        async with asyncio.timeout(_GUEST_TIME):
            await asyncio.get_running_loop().sock_connect(sock, (address, SSH_PORT))
    except BaseException:
        sock.close()
        raise
    return sock


async def _agent(spec: MachineSpec, wsl: Wsl, registry: str, log: Log) -> relay.Connect:
    """How the guest agent's vsock is reached; it is reached over ssh where Windows does not let us."""
    port = vsock_port("wsl2", str(spec.paths.dir))
    code, text = await wsl.output(hvsock.registration(registry, port, spec.name))
    if code:
        log("warning", f"the guest agent's port was not registered, it is reached over ssh: {text.strip()}")

    async def connect() -> socket.socket:
        _, found = await wsl.output(hvsock.distros(registry))
        lines = await asyncio.to_thread(hvsock.command_lines)
        machine = hvsock.vm_id(lines, hvsock.distro_id(found, spec.name))
        if not machine:
            raise DriverError(f"`{words.distro(spec.name)}` has no machine", detail="no wslhost.exe names it")
        return await asyncio.to_thread(hvsock.connect, machine, port)

    return connect
