"""Hold a serial console: QEMU's socket serves one client, so who holds it is written beside it and may be asked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from limacore.base.files import locked
from limacore.base.unixpeers import connected
from limacore.errors import LockedError, StateError
from limacore.paths import InstancePaths

_READ = 65536
_PATIENCE = 5.0
"""Seconds that a holder has to give it up."""


class SerialConsole:
    """A connection to `serial.sock`.

    A plain socket: a UART comes in pieces of a few bytes, and a stream would wake for each of them.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._taker = ""

    def give_up(self, taker: str) -> None:
        """Somebody else is to have it: reading ends."""
        self._taker = taker
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    async def read(self) -> bytes:
        """The next bytes that the guest printed, at most 64 KiB; b"" when the machine ended.

        Raises LockedError when another process has asked for the console.
        """
        try:
            data = await asyncio.get_running_loop().sock_recv(self._connection, _READ)
        except ConnectionError:
            data = b""
        if not data and self._taker:
            raise LockedError(f"process {self._taker} took the console")
        return data

    async def write(self, data: bytes) -> None:
        """Type into the guest; raises StateError when the machine is gone."""
        try:
            await asyncio.get_running_loop().sock_sendall(self._connection, data)
        except ConnectionError as error:
            raise StateError("the console is closed: the machine ended") from error

    def resize(self, cols: int, rows: int) -> None:
        """A serial port has no size."""


@contextlib.asynccontextmanager
async def hold(paths: InstancePaths, source: str, *, take: bool = False) -> AsyncIterator[SerialConsole]:
    """Connect to the serial socket `source`; raises LockedError naming the holder, StateError when nothing runs.

    With `take` a holder that is one of ours is asked to give it up, and does.
    """
    path = paths.serial(source, "sock")
    if not path.exists():
        raise StateError(f"`{paths.name}` has no console now: it does not run", hint=f"limatui start {paths.name}")
    holder = path.with_suffix(".holder.pid")
    if take:
        await _ask_for(holder)
    async with contextlib.AsyncExitStack() as stack:
        takers = _Takers(holder)
        stack.callback(takers.tell)  # Last of all, when nothing is held any more.
        stack.enter_context(_claimed(holder))
        connection = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        await asyncio.to_thread(_refuse_strangers, path)
        await _connect(connection, path)
        console = SerialConsole(connection)
        await stack.enter_async_context(takers.heard(console))
        yield console


async def _connect(connection: socket.socket, path: Path) -> None:
    connection.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connection, str(path))
    except OSError as error:
        raise StateError(f"`{path}` does not answer", detail=error.strerror or str(error)) from error


@contextlib.contextmanager
def _claimed(holder: Path) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(holder, wait=False))
        except LockedError as error:
            raise LockedError(f"the console is held by process {_holder(holder)}",
                              hint="take it over, or close it there; the log goes on being shown here") from error
        holder.write_text(f"{os.getpid()}\n")
        stack.callback(holder.unlink, missing_ok=True)
        yield


def _holder(holder: Path) -> str:
    with contextlib.suppress(OSError):
        return holder.read_text().strip()
    return "?"


def _refuse_strangers(path: Path) -> None:
    """Programs that know nothing of our file beside the socket: a second client of QEMU would only hear silence."""
    for peer in connected(path):
        raise LockedError(f"the console is held by {peer.command} (process {peer.pid})",
                          hint=f"end that: kill {peer.pid}; the log goes on being shown here")


class _Takers:
    """Those who ask for the console, over a socket beside the file; it ends for them when they may have it."""

    def __init__(self, holder: Path) -> None:
        self._path = holder.with_suffix(".sock")
        self._waiting: list[asyncio.StreamWriter] = []

    @contextlib.asynccontextmanager
    async def heard(self, console: SerialConsole) -> AsyncIterator[None]:
        """Meanwhile whoever asks gets the console."""
        async def give(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._waiting.append(writer)
            console.give_up((await reader.readline()).decode(errors="replace").strip())

        server = await asyncio.start_unix_server(give, self._path, limit=64)
        try:
            yield
        finally:
            server.close()
            self._path.unlink(missing_ok=True)

    def tell(self) -> None:
        """It is theirs."""
        for writer in self._waiting:
            writer.close()


async def _ask_for(holder: Path) -> None:
    """Ask the holder, if there is one, and wait until it has let go; raises LockedError when it does not."""
    try:
        reader, writer = await asyncio.open_unix_connection(holder.with_suffix(".sock"))
    except OSError:
        return  # Nobody, or nobody of ours: what comes next says so.
    writer.write(f"{os.getpid()}\n".encode())
    try:
        async with asyncio.timeout(_PATIENCE):
            await reader.read()
    except TimeoutError:
        raise LockedError(f"process {_holder(holder)} does not give up the console",
                          hint=f"end it: kill {_holder(holder)}") from None
    finally:
        writer.close()
