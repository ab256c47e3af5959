"""A serial socket is held by one at a time, and it is said by whom."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from limacore.engine.console import hold
from limacore.errors import LockedError, StateError
from limacore.paths import InstancePaths


@pytest.fixture
def paths(lima_home: Path) -> InstancePaths:
    (lima_home / "t").mkdir()
    return InstancePaths(lima_home / "t")


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(b"> " + data)
        await writer.drain()
    writer.close()


async def test_typing_and_reading(paths: InstancePaths) -> None:
    server = await asyncio.start_unix_server(_echo, paths.serial_sock)
    async with server, hold(paths, "serial") as console:
        await console.write(b"hello")
        assert await console.read() == b"> hello"
    assert not list(paths.dir.glob("*.holder.pid"))


async def test_a_second_holder_is_told_who_has_it(paths: InstancePaths) -> None:
    server = await asyncio.start_unix_server(_echo, paths.serial_sock)
    async with server, hold(paths, "serial"):
        with pytest.raises(LockedError, match=f"process {os.getpid()}"):
            async with hold(paths, "serial"):
                pass


async def test_the_end_of_the_machine_ends_reading(paths: InstancePaths) -> None:
    async def gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_unix_server(gone, paths.serial_sock), hold(paths, "serial") as console:
        assert await console.read() == b""


async def test_no_machine_no_console(paths: InstancePaths) -> None:
    with pytest.raises(StateError, match="does not run"):
        async with hold(paths, "serial"):
            pass
    paths.serial_sock.write_bytes(b"")
    with pytest.raises(StateError, match="does not answer"):
        async with hold(paths, "serial"):
            pass
