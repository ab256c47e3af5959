"""Running one QEMU: what it needs is made in order, and undone in the reverse order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack
from pathlib import Path

from msgspec import structs

from limacore.base import picture, proc
from limacore.drivers.base import Exit, GuestMemory, Log, Machine, MachineSpec
from limacore.drivers.qemu import (
    accel,
    args,
    balloon,
    failures,
    firmware,
    leftovers,
    probe,
    qmp,
    saving,
    swtpm,
    virtiofsd,
    vnc,
)
from limacore.drivers.qemu.links import connect_networks, locked_disks, make_shared_directories
from limacore.errors import DriverError, ResumeError, StateError

_ANSWER = 60.0
"""Seconds until QEMU must have answered; it takes 0.05 on an idle computer."""


class QemuDriver:
    """Machines run by QEMU, as children of this process."""

    name = "qemu"

    def run(self, spec: MachineSpec, log: Log) -> AbstractAsyncContextManager[Machine]:
        """Start QEMU and wait until its monitor answers; leaving ends it and removes its sockets and pid file.

        Raises DriverError (QEMU failed), HostError (something is missing), StateError (it already runs), LockedError.
        """
        return _run(spec, log)


class QemuMachine:
    """A QEMU process and our connection to its private monitor."""

    def __init__(self, process: proc.Process, ended: asyncio.Future[Exit], monitor: qmp.Monitor, spec: MachineSpec,
                 host: args.QemuHost) -> None:
        self._process = process
        self._monitor = monitor
        self._spec = spec
        self.pid = process.pid
        self.accel = host.accel
        self.description = describe(spec, host)
        self.likeness = _likeness(spec, host)
        self.exited = ended

    async def power_button(self) -> None:
        """Ask the guest to shut down; raises DriverError when QEMU cannot be asked."""
        try:
            await self._monitor.ask("system_powerdown")
        except DriverError:
            await qmp.power_down(self._spec.paths.qmp_sock)

    async def kill(self) -> None:
        """End QEMU now and wait for its end."""
        self._process.signal(signal.SIGKILL)
        await asyncio.shield(self.exited)

    async def halt(self) -> None:
        """Stop the virtual processors; raises DriverError."""
        await self._monitor.ask("stop")

    async def go_on(self) -> None:
        """Let the virtual processors run; raises DriverError."""
        await self._monitor.ask("cont")

    async def obstacles(self) -> tuple[str, ...]:
        """Why the memory cannot be kept in the disk; raises DriverError."""
        return await saving.obstacles(self._monitor)

    async def is_ssh_idle(self) -> bool:
        """Whether nobody is connected to the guest's ssh server; raises DriverError."""
        return await saving.is_ssh_idle(self._monitor)

    async def save(self, tag: str) -> None:
        """Keep the memory of the halted machine in its disk; raises DriverError."""
        await saving.save(self._monitor, tag)

    async def forget(self, tag: str) -> None:
        """Give back the room of a state; raises DriverError."""
        await saving.forget(self._monitor, tag)

    async def switch_off(self) -> None:
        """End QEMU in order, without a word to the guest; raises DriverError."""
        await self._monitor.ask("quit")
        await asyncio.shield(self.exited)

    async def memory(self) -> GuestMemory:
        """What the guest has; raises StateError, DriverError."""
        return await balloon.memory(self._monitor)

    async def set_memory(self, wanted: int) -> GuestMemory:
        """Give the guest less or more; raises StateError, DriverError."""
        return await balloon.set_memory(self._monitor, wanted)

    def events(self) -> AsyncIterator[qmp.QmpEvent]:
        """What happens to the machine: SHUTDOWN, RESET, STOP, …; for one reader; ends with QEMU."""
        return self._monitor.events()

    async def status(self) -> str:
        """`running`, `paused`, `io-error`, `guest-panicked`, …; raises DriverError."""
        return str((await self._monitor.ask("query-status"))["status"])

    async def pixels(self) -> picture.Pixels:
        """What the guest's display shows now; raises StateError when it has none, DriverError."""
        if self._spec.config.video.display == "none":
            raise StateError("the instance has no display", hint="set `video.display`, for example to vnc")
        with tempfile.TemporaryDirectory(prefix="lima-screen-") as folder:
            file = Path(folder) / "screen.ppm"
            await self._monitor.ask("screendump", filename=str(file))
            try:
                return picture.read_ppm(await asyncio.to_thread(file.read_bytes))
            except (OSError, ValueError) as error:
                raise DriverError("QEMU wrote no picture", detail=str(error)) from error


def describe(spec: MachineSpec, host: args.QemuHost) -> str:
    """The machine in a few words: `qemu 7.2 · q35 · 2 cpus · tcg`."""
    version = ".".join(map(str, host.version[:2]))
    cpus = f"{spec.config.cpus} cpu{'' if spec.config.cpus == 1 else 's'}"
    return f"qemu {version} · {args.machine_name(spec.config.arch)} · {cpus} · {host.accel}"


@contextlib.asynccontextmanager
async def _run(spec: MachineSpec, log: Log) -> AsyncIterator[QemuMachine]:
    leftovers.refuse_running(spec.paths)
    host = await _host(spec, log)
    _require_alike(spec, host)
    make_shared_directories(spec, log)
    async with AsyncExitStack() as stack:
        stack.enter_context(locked_disks(spec))
        stack.enter_context(leftovers.tidy(spec.paths))
        await stack.enter_async_context(virtiofsd.serving(spec, host.program[0], log))
        await stack.enter_async_context(swtpm.serving(spec, log))
        process, host = await _launch(stack, spec, host, log)
        ended = await stack.enter_async_context(_watched(process))
        monitor = await _answering(stack, spec, process)
        await stack.enter_async_context(vnc.offered(spec, monitor))
        yield QemuMachine(process, ended, monitor, spec, host)


async def _launch(
    stack: AsyncExitStack, spec: MachineSpec, host: args.QemuHost, log: Log,
) -> tuple[proc.Process, args.QemuHost]:
    with ExitStack() as handed:  # QEMU keeps its copies of these sockets, we close ours
        fds = handed.enter_context(connect_networks(spec))
        listener = handed.enter_context(_listening(spec.paths.events_sock))
        host = args.with_sockets(host, fds, listener.fileno())
        command = args.full_argv(spec, host)
        log("debug", f"starting QEMU: {command}")
        for option in args.overridden(spec, host):
            log("warning", f"`{option}` of the environment variable wins over ours")
        process = await stack.enter_async_context(proc.spawn(
            command, stdout=lambda line: log("debug", f"qemu[stdout]: {line}"),
            stderr=lambda line: log("debug", f"qemu[stderr]: {line}"),
            pass_fds=(*fds.values(), listener.fileno()), grace=0,
        ))
    return process, host


@contextlib.contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    # Made before QEMU and handed over: one can connect at once, and that breaks when QEMU dies; nothing is polled.
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(str(path))
        except OSError as error:
            raise DriverError(f"cannot make the socket `{path}`", detail=error.strerror or str(error)) from error
        path.chmod(0o600)
        listener.listen(1)
        yield listener


@contextlib.asynccontextmanager
async def _watched(process: proc.Process) -> AsyncIterator[asyncio.Future[Exit]]:
    async def end() -> Exit:
        return Exit(await process.wait(), process.stderr_tail)

    ended = asyncio.ensure_future(end())
    try:
        yield ended
    finally:
        process.signal(signal.SIGKILL)
        await asyncio.shield(ended)


async def _answering(stack: AsyncExitStack, spec: MachineSpec, process: proc.Process) -> qmp.Monitor:
    try:
        patience = saving.LIMIT if spec.resume else _ANSWER
        return await stack.enter_async_context(qmp.monitor(spec.paths.events_sock, patience))
    except DriverError as silence:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(qmp.TIMEOUT):
                code = await process.wait()
                found = failures.explain(code, process.stderr_tail)
                raise _refused(found) if spec.resume else found from silence
        raise


def _refused(found: DriverError) -> DriverError:
    """Another port helps against a port that was taken; against all else a boot without the state may."""
    return found if "port" in found.message else ResumeError(found.message, detail=found.detail, hint=found.hint)


def _likeness(spec: MachineSpec, host: args.QemuHost) -> tuple[str, ...]:
    sockets = dict.fromkeys(range(len(spec.config.networks)), 0)
    command = args.full_argv(structs.replace(spec, resume=None), args.with_sockets(host, sockets, -1))
    return args.likeness(command, host.version)


def _require_alike(spec: MachineSpec, host: args.QemuHost) -> None:
    """Raise ResumeError when the machine would be another one than that whose state was saved."""
    if spec.resume is None:
        return
    now, then = list(_likeness(spec, host)), list(spec.resume.likeness)
    if now[:1] != then[:1]:
        raise ResumeError(f"it was saved by QEMU {''.join(then[:1])}, and this is {now[0]}")
    if now != then:
        changed = next((word for word in now if word not in then), "") or next(iter(set(then) - set(now)), "")
        raise ResumeError("the machine is another one now", detail=f"`{changed}` differs")


async def _host(spec: MachineSpec, log: Log) -> args.QemuHost:
    config, paths = spec.config, spec.paths
    program = probe.program(config.arch)
    features = await probe.features(program[0], config.arch)
    old = probe.check_version(features.version, config.vm_opts.qemu.minimum_version)
    if old:
        log("warning", old)
    verdict = await accel.decide(config, program[0], features, log)
    cpu = accel.cpu_type(config, verdict.accel)
    probe.check_cpu(cpu, features.cpus, program[0])
    return args.QemuHost(
        program=program, accel=verdict.accel, cpu=cpu, version=features.version,
        firmware=firmware.choose(paths, config, Path(program[0]), Path.home()),
        files=frozenset(path.name for path in (paths.disk, paths.iso, paths.kernel, paths.initrd) if path.exists()),
        append=paths.kernel_cmdline.read_text() if paths.kernel_cmdline.exists() else None,
    )
