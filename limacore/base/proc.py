"""Processes as context managers: own session, bounded output, always ended and reaped; and evidence about others."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, SubprocessStreamProtocol
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from limacore.errors import HostError

LineSink = Callable[[str], None]

TAIL_LINES = 40
"""How much of stderr is kept for an error message."""
MAX_LINE = 4096
"""Longer output lines are cut into pieces of this many bytes."""
_CHUNK = 1 << 16
_DRAIN = 1.0  # seconds to read the rest of a pipe that a daemon left behind may hold open for ever

_MANAGERS = {"apt-get": "apt-get install", "dnf": "dnf install", "pacman": "pacman -S", "zypper": "zypper install",
             "brew": "brew install"}
_SSH = "openssh-client openssh-clients openssh openssh-clients openssh"
_PACKAGES = {  # program: its package in the order of _MANAGERS
    "qemu-system-x86_64": "qemu-system-x86 qemu-system-x86-core qemu-system-x86 qemu-x86 qemu",
    "qemu-system-aarch64": "qemu-system-arm qemu-system-aarch64-core qemu-system-aarch64 qemu-arm qemu",
    "qemu-system-arm": "qemu-system-arm qemu-system-arm-core qemu-system-arm qemu-arm qemu",
    "qemu-system-ppc64": "qemu-system-ppc qemu-system-ppc-core qemu-system-ppc qemu-ppc qemu",
    "qemu-system-riscv64": "qemu-system-misc qemu-system-riscv-core qemu-system-riscv qemu-extra qemu",
    "qemu-system-s390x": "qemu-system-misc qemu-system-s390x-core qemu-system-s390x qemu-s390x qemu",
    "qemu-img": "qemu-utils qemu-img qemu-img qemu-img qemu",
    "ssh": _SSH, "scp": _SSH, "ssh-keygen": _SSH,
    "mmdebstrap": "mmdebstrap mmdebstrap mmdebstrap",
}


class Result(Struct, frozen=True):
    """How a finished program ended: `code` (negative: signal) and what it printed."""

    code: int
    stdout: str = ""
    stderr: str = ""


class ProcessIdentity(Struct, frozen=True):
    """Which process a pid means now; two readings are equal only when they saw the same process."""

    pid: int
    start_time: float
    """Start in seconds after boot (Linux) or since the epoch (elsewhere): a token, see `started_at`."""
    argv: tuple[str, ...] = ()


def missing_program(program: str) -> HostError:
    """The error for a program that is not installed, naming the package of this system."""
    return HostError(f"`{program}` is not installed", detail="not found in PATH", hint=_install_hint(program))


def _install_hint(program: str) -> str:
    packages = _PACKAGES.get(Path(program).name, "").split()
    for (manager, install), package in zip(_MANAGERS.items(), packages, strict=False):
        if shutil.which(manager):
            return f"install it: {install} {package}"
    return "install it, or correct PATH"


class _Child(SubprocessStreamProtocol):
    """Knows of the exit at once; asyncio's own `wait` also waits for pipes that a grandchild may keep open."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(limit=_CHUNK, loop=loop)
        self.exited: asyncio.Future[None] = loop.create_future()

    def process_exited(self) -> None:
        super().process_exited()
        if not self.exited.done():
            self.exited.set_result(None)


class Process:
    """A running child with its own session; made by `spawn`."""

    def __init__(self, transport: asyncio.SubprocessTransport, child: _Child, argv: tuple[str, ...]) -> None:
        self._transport = transport
        self._child = child
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._readers: list[asyncio.Future[None]] = []
        self.argv = argv
        self.pid = transport.get_pid() or 0
        self.stdin = child.stdin
        self.stdout = child.stdout

    @property
    def code(self) -> int | None:
        """Exit code (negative: signal), None while it runs."""
        return self._transport.get_returncode()

    @property
    def stderr_tail(self) -> str:
        """The last lines of stderr."""
        return "\n".join(self._tail)

    def signal(self, number: int) -> None:
        """Send a signal to the process and everything it started; no error when it is gone."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.code is None:
                os.killpg(self.pid, number)

    async def wait(self) -> int:
        """The exit code, when it has ended and its output was read."""
        await asyncio.shield(self._child.exited)
        if self._readers:
            await asyncio.wait(self._readers, timeout=_DRAIN)
        return self.code or 0

    async def opened(self, socket: Path, limit: float) -> bool:
        """Whether it has made its socket within `limit` seconds; of one that ended instead, stderr was read."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while not socket.exists() and self.code is None:  # noqa: ASYNC110 - the file system tells nobody
                    await asyncio.sleep(0.01)
        if socket.exists():
            return True
        if self.code is not None:
            await self.wait()  # its last words may still be in the pipe
        return False

    async def end(self, grace: float) -> int:
        """SIGTERM, after `grace` seconds SIGKILL; returns when the process is reaped."""
        if self.code is None and grace > 0:
            self.signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self.wait()
        self.signal(signal.SIGKILL)
        return await self.wait()

    def read(self, stream: asyncio.StreamReader | None, sink: LineSink) -> None:
        """Hand the lines of a stream to `sink` from now on."""
        self._readers.append(asyncio.ensure_future(_hand_over(_stream(stream), sink)))

    def read_stderr(self, sink: LineSink | None) -> None:
        """Keep the tail of stderr, and hand its lines to `sink`."""
        def both(line: str) -> None:
            self._tail.append(line)
            if sink:
                sink(line)

        self.read(self._child.stderr, both)

    async def leave(self, grace: float) -> None:
        """End it, whatever it started in its session too, and the reading of its output."""
        await self.end(grace)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)  # children that outlived their leader keep its group id reserved
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        self._transport.close()


async def _hand_over(stream: asyncio.StreamReader, sink: LineSink) -> None:
    async for line in lines(stream):
        sink(line)


async def lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Lines of a stream without their ends; endless ones are cut at MAX_LINE bytes, bad UTF-8 is replaced."""
    rest = b""
    while block := await stream.read(_CHUNK):
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            for piece in _pieces(line):
                yield piece
        while len(rest) > MAX_LINE:
            yield rest[:MAX_LINE].decode(errors="replace")
            rest = rest[MAX_LINE:]
    if rest:
        yield rest.decode(errors="replace")


def _pieces(line: bytes) -> list[str]:
    line = line.removesuffix(b"\r")
    starts = range(0, max(len(line), 1), MAX_LINE)
    return [line[start:start + MAX_LINE].decode(errors="replace") for start in starts]


@contextlib.asynccontextmanager
async def spawn(
    argv: Sequence[str], *, stdin: int = DEVNULL, stdout: int | LineSink | None = DEVNULL,
    stderr: LineSink | None = None, env: Mapping[str, str] | None = None, cwd: Path | None = None,
    pass_fds: Sequence[int] = (), grace: float = 5.0, die_with_parent: bool = False,
) -> AsyncIterator[Process]:
    """Run a program inside the context, in its own session; leaving ends its process group within `grace` seconds.

    `stdout`: DEVNULL, PIPE, a file descriptor, or a callable that gets lines. Raises HostError when it cannot start.
    """
    whole = _bound_to_parent(argv) if die_with_parent else tuple(argv)
    transport, child = await _start(whole, stdin, PIPE if callable(stdout) else stdout, env, cwd, pass_fds)
    process = Process(transport, child, tuple(argv))
    process.read_stderr(stderr)
    if callable(stdout):
        process.read(child.stdout, stdout)
    try:
        yield process
    finally:
        await _finish(process, grace)


async def _start(
    argv: tuple[str, ...], stdin: int, stdout: int | None, env: Mapping[str, str] | None, cwd: Path | None,
    pass_fds: Sequence[int],
) -> tuple[asyncio.SubprocessTransport, _Child]:
    try:
        return await asyncio.get_running_loop().subprocess_exec(
            _Child, *argv, stdin=stdin, stdout=stdout, stderr=PIPE, env=env, cwd=cwd, pass_fds=tuple(pass_fds),
            start_new_session=True,
        )
    except FileNotFoundError as error:
        if cwd and not cwd.is_dir():
            raise HostError(f"cannot run `{argv[0]}` in `{cwd}`", detail="no such directory") from error
        raise missing_program(argv[0]) from error
    except OSError as error:
        raise HostError(f"cannot run `{argv[0]}`", detail=error.strerror or str(error)) from error


async def _finish(process: Process, grace: float) -> None:
    ending = asyncio.ensure_future(process.leave(grace))
    try:
        await asyncio.shield(ending)
    except asyncio.CancelledError:
        process.signal(signal.SIGKILL)  # cancelled again: haste is wanted, not a process left behind
        await ending
        raise


def _stream(stream: asyncio.StreamReader | None) -> asyncio.StreamReader:
    assert stream is not None
    return stream


def _bound_to_parent(argv: Sequence[str]) -> tuple[str, ...]:
    # setpriv sets PR_SET_PDEATHSIG without a preexec hook, which would keep Python from using vfork. A parent that died
    # before that sends no signal any more: the shell looks whether it is still there.
    setpriv = shutil.which("setpriv") if sys.platform.startswith("linux") else None
    alive = ("/bin/sh", "-c", '[ "$PPID" = "$0" ] && exec "$@"', str(os.getpid()))
    return (setpriv, "--pdeathsig", "KILL", "--", *alive, *argv) if setpriv else tuple(argv)


async def run(
    argv: Sequence[str], timeout: float | None = None, *, input: bytes | None = None,
    env: Mapping[str, str] | None = None, cwd: Path | None = None, pass_fds: Sequence[int] = (),
    limit: int = 16 << 20,
) -> Result:
    """Run a program to its end; output beyond `limit` bytes is dropped. Raises HostError on time-out or no start."""
    stdin = PIPE if input is not None else DEVNULL
    kept = bytearray()
    async with spawn(argv, stdin=stdin, stdout=PIPE, env=env, cwd=cwd, pass_fds=pass_fds, grace=0) as process:
        collecting = asyncio.ensure_future(_collect(_stream(process.stdout), kept, limit))
        try:
            async with asyncio.timeout(timeout):
                await _feed(process, input)
                code = await process.wait()
                await asyncio.wait([collecting], timeout=_DRAIN)
        except TimeoutError as error:
            raise HostError(f"`{argv[0]}` did not finish within {timeout:g} seconds",
                            detail=process.stderr_tail) from error
        finally:
            collecting.cancel()
    return Result(code, kept.decode(errors="replace"), process.stderr_tail)


async def _collect(stream: asyncio.StreamReader, kept: bytearray, limit: int) -> None:
    while block := await stream.read(_CHUNK):
        kept += block[:max(0, limit - len(kept))]


async def _feed(process: Process, data: bytes | None) -> None:
    if data is None or process.stdin is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
        await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()


def identity(pid: int) -> ProcessIdentity | None:
    """Who `pid` is now; None when there is no such process or only its unreaped rest."""
    if pid <= 0:
        return None
    return _identity_proc(pid) if sys.platform.startswith("linux") else _identity_psutil(pid)


def _identity_proc(pid: int) -> ProcessIdentity | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return None
    fields = stat[stat.rindex(b")") + 2:].split()  # the name in parentheses may hold blanks and parentheses
    if fields[0] in b"ZX":
        return None
    argv = tuple(os.fsdecode(part) for part in raw.split(b"\0")[:-1])
    return ProcessIdentity(pid, int(fields[19]) / os.sysconf("SC_CLK_TCK"), argv)


def _identity_psutil(pid: int) -> ProcessIdentity | None:
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return ProcessIdentity(pid, process.create_time(), tuple(process.cmdline()))
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        return ProcessIdentity(pid, 0.0)


def started_at(process: ProcessIdentity) -> float:
    """When it started, in seconds since the epoch, by the clock of this moment."""
    if not sys.platform.startswith("linux"):
        return process.start_time
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + process.start_time


async def ended(pid: int) -> None:
    """Return when process `pid`, a child or not, has ended; at once when there is none."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):
        while identity(pid) is not None:  # noqa: ASYNC110  no event to wait for where pidfd is missing
            await asyncio.sleep(0.05)
        return
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(fd, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(fd)
        os.close(fd)
