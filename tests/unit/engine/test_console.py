"""A serial socket is held by one at a time, and it is said by whom."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
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


async def test_who_asks_gets_it_and_the_holder_is_told(paths: InstancePaths) -> None:
    server = await asyncio.start_unix_server(_echo, paths.serial_sock)
    taken = asyncio.Event()

    async def first() -> None:
        with pytest.raises(LockedError, match=f"process {os.getpid()} took the console"):
            async with hold(paths, "serial") as console:
                taken.set()
                await console.read()

    async with server, asyncio.TaskGroup() as tasks:
        tasks.create_task(first())
        await taken.wait()
        async with hold(paths, "serial", take=True) as console:
            await console.write(b"mine")
            assert await console.read() == b"> mine"
    assert not list(paths.dir.glob("*.holder.*"))


async def test_taking_what_nobody_holds(paths: InstancePaths) -> None:
    server = await asyncio.start_unix_server(_echo, paths.serial_sock)
    async with server, hold(paths, "serial", take=True) as console:
        await console.write(b"x")
        assert await console.read() == b"> x"


@pytest.mark.skipif(not shutil.which("socat"), reason="socat is not installed")
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who is connected")
async def test_a_stranger_is_named(paths: InstancePaths) -> None:
    arrived = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await _echo(reader, writer)

    async with await asyncio.start_unix_server(serve, paths.serial_sock):
        socat = await asyncio.create_subprocess_exec("socat", f"UNIX-CONNECT:{paths.serial_sock}", "PIPE")
        try:
            await arrived.wait()
            for take in (False, True):
                with pytest.raises(LockedError, match=rf"held by socat \(process {socat.pid}\)"):
                    async with hold(paths, "serial", take=take):
                        pass
        finally:
            socat.kill()
            await socat.wait()
        async with hold(paths, "serial") as console:
            await console.write(b"free")
            assert await console.read() == b"> free"
