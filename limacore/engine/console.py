"""Hold a serial console: QEMU's socket serves one client, so who holds it is written beside it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from limacore.base.files import locked
from limacore.errors import LockedError, StateError
from limacore.paths import InstancePaths

_READ = 65536


class SerialConsole:
    """A connection to `serial.sock`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        """The next bytes that the guest printed, b"" when the machine ended."""
        try:
            return await self._reader.read(_READ)
        except ConnectionError:
            return b""

    async def write(self, data: bytes) -> None:
        """Type into the guest; raises StateError when the machine is gone."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError as error:
            raise StateError("the console is closed: the machine ended") from error


@contextlib.asynccontextmanager
async def hold(paths: InstancePaths, source: str) -> AsyncIterator[SerialConsole]:
    """Connect to the serial socket `source`; raises LockedError naming the holder, StateError when nothing runs."""
    socket = paths.serial(source, "sock")
    if not socket.exists():
        raise StateError(f"`{paths.name}` has no console now: it does not run", hint=f"limatui start {paths.name}")
    holder = socket.with_suffix(".holder.pid")
    with _claimed(holder):
        try:
            reader, writer = await asyncio.open_unix_connection(str(socket))
        except OSError as error:
            raise StateError(f"`{socket}` does not answer", detail=error.strerror or str(error)) from error
        try:
            yield SerialConsole(reader, writer)
        finally:
            writer.close()
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
