"""The console of a vz machine: into `serialv.log`, and to and from the one who is connected to `serialv.sock`."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import BinaryIO

from limacore.drivers import relay
from limacore.paths import InstancePaths

_BLOCK = 1 << 16
_MOST_QUEUED = 1 << 20
"""Bytes that wait for a viewer; one that reads slower misses some, the log misses nothing."""


class Console:
    """Joins what the guest prints with a log and a viewer."""

    def __init__(self, log: BinaryIO, typed: asyncio.StreamWriter) -> None:
        self._log = log
        self._typed = typed
        self._viewer: asyncio.StreamWriter | None = None

    async def read(self, printed: asyncio.StreamReader) -> None:
        """Take what the guest prints, for ever."""
        while data := await printed.read(_BLOCK):
            self._log.write(data)
            if self._viewer and self._viewer.transport.get_write_buffer_size() < _MOST_QUEUED:
                self._viewer.write(data)

    async def view(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one viewer; a second one is sent away, as it is for the console of QEMU."""
        if self._viewer:
            return
        self._viewer = writer
        try:
            with contextlib.suppress(OSError):
                while data := await reader.read(_BLOCK):
                    self._typed.write(data)
        finally:
            self._viewer = None


@contextlib.asynccontextmanager
async def connected(paths: InstancePaths) -> AsyncIterator[tuple[int, int]]:
    """The two descriptors that the machine reads from and writes to; open until the block ends."""
    with contextlib.ExitStack() as pipes:
        (for_guest, typing), (printing, from_guest) = os.pipe(), os.pipe()
        for fd in (for_guest, from_guest):
            pipes.callback(os.close, fd)
        typed = await _writer(typing)
        pipes.callback(typed.close)
        printed, transport = await _reader(printing)
        pipes.callback(transport.close)
        log = pipes.enter_context(paths.serial("serialv", "log").open("ab", buffering=0))
        console = Console(log, typed)
        async with relay.listening(paths.serial("serialv", "sock"), console.view):
            reading = asyncio.create_task(console.read(printed))
            try:
                yield for_guest, from_guest
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)


async def _reader(fd: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", buffering=0))
    return reader, transport


async def _writer(fd: int) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), os.fdopen(fd, "wb", buffering=0))
    return asyncio.StreamWriter(transport, protocol, None, loop)
