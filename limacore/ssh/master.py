"""The ControlMaster of an instance: the one ssh login of a start, with many channels."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from msgspec import Struct

from limacore.base import proc
from limacore.errors import GuestError
from limacore.ssh.mux import LOCAL, Address, Mux
from limacore.ssh.options import arguments

LOGIN_TIME = 60.0
"""Seconds for one login; under emulation a key exchange takes up to 8."""

_OURS = (
    "ControlMaster=yes",
    "ControlPersist=no",
    # A guest whose TCP state is gone (loaded snapshot) must not leave channels hanging for ever.
    "ServerAliveInterval=20",
    "ServerAliveCountMax=3",
    "ForwardX11=no",
)


class ScriptResult(Struct, frozen=True):
    """How a command in the guest ended: exit code and the ends of its outputs."""

    code: int
    stdout: str = ""
    stderr: str = ""


class Master:
    """A master that is logged in. `ended` is done when its connection is gone."""

    def __init__(self, sock: Path, mux: Mux, pid: int, ended: asyncio.Future[int]) -> None:
        self.sock = sock
        self.pid = pid
        self.ended = ended
        self._mux = mux
        self._turn = asyncio.Lock()

    async def open_forward(self, listen: Address, connect: Address, *, kind: int = LOCAL) -> None:
        """Listen here and connect there; raises MuxError."""
        async with self._turn:
            await self._mux.open_forward(listen, connect, kind=kind)

    async def close_forward(self, listen: Address, connect: Address, *, kind: int = LOCAL) -> None:
        """Stop listening; open connections go on. Raises MuxError."""
        async with self._turn:
            await self._mux.close_forward(listen, connect, kind=kind)

    async def alive(self, timeout: float = 5.0) -> None:
        """Raises MuxError when the master does not answer within `timeout` seconds."""
        async with asyncio.timeout(2 * timeout), self._turn:
            await self._mux.alive(timeout)

    def hang_up(self) -> None:
        """Close the connection in order; `ended` tells when that is done."""
        if not self.ended.done():
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End a master that does not answer; `ended` tells when it has gone."""
        if not self.ended.done():
            os.kill(self.pid, signal.SIGKILL)

    async def run(self, command: str, script: str = "", timeout: float = 30.0, *, agent: bool = False) -> ScriptResult:
        """Run `command` in the guest with `script` on its stdin, over this connection; raises MuxError."""
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            stdin.write(script.encode())
            stdin.seek(0)
            mux = await Mux.connect(self.sock)
            with contextlib.closing(mux):
                code = await mux.session(command, (stdin.fileno(), out.fileno(), err.fileno()), timeout, agent=agent)
            return ScriptResult(code, _end_of(out.fileno()), _end_of(err.fileno()))

    async def save(self, command: str, out: int, timeout: float) -> ScriptResult:
        """Run `command` in the guest with its output written to the file descriptor `out`; raises MuxError."""
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as err:
            mux = await Mux.connect(self.sock)
            with contextlib.closing(mux):
                code = await mux.session(command, (stdin.fileno(), out, err.fileno()), timeout)
            return ScriptResult(code, "", _end_of(err.fileno()))

    async def stream(self, command: str, peer: int) -> ScriptResult:
        """Run `command` in the guest with the socket `peer` as its input and output until one of both ends.

        Cancelling hangs up, which ends the command. Raises MuxError."""
        with tempfile.TemporaryFile() as err:
            mux = await Mux.connect(self.sock)
            with contextlib.closing(mux):
                code = await mux.session(command, (peer, peer, err.fileno()), None)
            return ScriptResult(code, "", _end_of(err.fileno()))


def _end_of(fd: int, most: int = 65536) -> str:
    size = os.fstat(fd).st_size
    return os.pread(fd, most, max(0, size - most)).decode(errors="replace")


@contextlib.asynccontextmanager
async def master(options: Sequence[str], port: int, sock: Path, *, exe: str = "ssh",
                 address: str = "127.0.0.1") -> AsyncIterator[Master]:
    """Log in and serve channels at `sock` until the block ends; raises GuestError when no login is possible."""
    sock.unlink(missing_ok=True)
    async with proc.spawn(argv(options, port, exe=exe, address=address), grace=2.0) as process:
        ended = asyncio.ensure_future(process.wait())
        try:
            with contextlib.closing(await _logged_in(sock, process, ended)) as mux:
                yield Master(sock, mux, process.pid, ended)
        finally:
            ended.cancel()
    sock.unlink(missing_ok=True)


def argv(options: Sequence[str], port: int, *, exe: str = "ssh", address: str = "127.0.0.1") -> list[str]:
    """The command line of the master; ours come first because ssh takes the first value of an option."""
    return [exe, "-F", "/dev/null", *arguments(_OURS), *arguments(options), "-N", "-T", "-p", str(port), address]


async def _logged_in(sock: Path, process: proc.Process, ended: asyncio.Future[int]) -> Mux:
    try:
        async with asyncio.timeout(LOGIN_TIME):
            while not ended.done():
                if sock.exists():
                    return await Mux.connect(sock)
                # ssh makes the socket right after the login and tells nobody; a look costs 5 us.
                await asyncio.wait({ended}, timeout=0.01)
    except TimeoutError:
        raise GuestError(f"the ssh login did not succeed within {LOGIN_TIME:.0f} s") from None
    raise GuestError("the ssh login failed", detail=_reason(process.stderr_tail))


def _reason(printed: str) -> str:
    lines = (line.strip() for line in printed.splitlines())
    return "; ".join(line for line in lines if line and not line.startswith("Warning: Permanently added"))
