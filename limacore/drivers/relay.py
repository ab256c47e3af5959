"""Sockets of this computer that lead into a guest: each connection is joined to one that is made to the guest."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from limacore.drivers.base import Log
from limacore.errors import DriverError

Connect = Callable[[], Awaitable[socket.socket]]
"""Makes a connection to the guest; raises OSError or DriverError while nobody listens there."""
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_BLOCK = 1 << 16


@contextlib.asynccontextmanager
async def on_port(port: int, connect: Connect, log: Log) -> AsyncIterator[None]:
    """Lead a TCP port of the loopback address into the guest; raises DriverError when it is taken."""
    async with _tasks(_joiner(connect, log)) as handle:
        try:
            server = await asyncio.start_server(handle, "127.0.0.1", port)
        except OSError as error:
            raise DriverError(f"cannot listen on port {port}", detail=error.strerror or str(error)) from error
        with contextlib.closing(server):
            yield


@contextlib.asynccontextmanager
async def on_path(path: Path, connect: Connect, log: Log, pause: float = 0.25) -> AsyncIterator[None]:
    """Lead a unix socket, which is made anew and is gone afterwards, into the guest.

    A connection waits there until the guest can be reached, which is tried again after `pause` seconds."""
    async with listening(path, _joiner(lambda: _patiently(connect, log, pause), log)):
        yield


async def _patiently(connect: Connect, log: Log, pause: float) -> socket.socket:
    told = False
    while True:
        try:
            return await connect()
        except (OSError, DriverError) as error:
            if not told:
                log("debug", f"waiting for the guest: {error}")
            told = True
        await asyncio.sleep(pause)


@contextlib.asynccontextmanager
async def listening(path: Path, handler: Handler) -> AsyncIterator[None]:
    """Serve a new unix socket, for its owner only, until the block ends; raises DriverError when it cannot be made."""
    path.unlink(missing_ok=True)
    async with _tasks(handler) as handle:
        try:
            server = await asyncio.start_unix_server(handle, path)
        except OSError as error:
            raise DriverError(f"cannot make the socket `{path}`", detail=error.strerror or str(error)) from error
        path.chmod(0o600)
        try:
            yield
        finally:
            server.close()
            path.unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def _tasks(handler: Handler) -> AsyncIterator[Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]]:
    """Runs the handler for each connection; those that still run at the end are cancelled."""
    running: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            await handler(reader, writer)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(handle(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    try:
        yield accept
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _joiner(connect: Connect, log: Log) -> Handler:
    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            sock = await connect()
        except (OSError, DriverError) as error:
            log("debug", f"the guest was not reached: {error}")
            return
        guest_reader, guest_writer = await asyncio.open_connection(sock=sock)
        with contextlib.closing(guest_writer), contextlib.suppress(OSError):
            await asyncio.gather(pump(reader, guest_writer), pump(guest_reader, writer))

    return join


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes from one to the other until the end, which is passed on."""
    while data := await reader.read(_BLOCK):
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.write_eof()


async def first(*ways: tuple[str, Connect]) -> tuple[str, socket.socket]:
    """The first way that leads in, and its name; raises DriverError with what every one of them said."""
    reasons = []
    for name, connect in ways:
        try:
            return name, await connect()
        except (OSError, DriverError) as error:
            reasons.append(f"{name}: {error}")
    raise DriverError("no way leads into the guest", detail="; ".join(reasons))
