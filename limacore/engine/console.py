"""Hold a serial console: QEMU's socket serves one client, so who holds it is written beside it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from limacore.base.files import locked
from limacore.errors import LockedError, StateError
from limacore.paths import InstancePaths

_READ = 65536


class SerialConsole:
    """A connection to `serial.sock`.

    A plain socket: a UART comes in pieces of a few bytes, and a stream would wake for each of them.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    async def read(self) -> bytes:
        """The next bytes that the guest printed, at most 64 KiB; b"" when the machine ended."""
        try:
            return await asyncio.get_running_loop().sock_recv(self._connection, _READ)
        except ConnectionError:
            return b""

    async def write(self, data: bytes) -> None:
        """Type into the guest; raises StateError when the machine is gone."""
        try:
            await asyncio.get_running_loop().sock_sendall(self._connection, data)
        except ConnectionError as error:
            raise StateError("the console is closed: the machine ended") from error

    def resize(self, cols: int, rows: int) -> None:
        """A serial port has no size."""


@contextlib.asynccontextmanager
async def hold(paths: InstancePaths, source: str) -> AsyncIterator[SerialConsole]:
    """Connect to the serial socket `source`; raises LockedError naming the holder, StateError when nothing runs."""
    path = paths.serial(source, "sock")
    if not path.exists():
        raise StateError(f"`{paths.name}` has no console now: it does not run", hint=f"limatui start {paths.name}")
    holder = path.with_suffix(".holder.pid")
    with _claimed(holder), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connection, str(path))
        except OSError as error:
            raise StateError(f"`{path}` does not answer", detail=error.strerror or str(error)) from error
        try:
            yield SerialConsole(connection)
        finally:
            holder.unlink(missing_ok=True)


@contextlib.contextmanager
def _claimed(holder: Path) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(holder, wait=False))
        except LockedError as error:
            raise LockedError(f"the console is held by process {_holder(holder)}",
                              hint="close it there; the log goes on being shown here") from error
        holder.write_text(f"{os.getpid()}\n")
        yield


def _holder(holder: Path) -> str:
    with contextlib.suppress(OSError):
        return holder.read_text().strip()
    return "?"
