"""The native multiplexing protocol against the real ssh program and a real server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from limacore.errors import GuestError
from limacore.hostagent.setup import Prepared
from limacore.paths import HomePaths
from limacore.ssh import banner
from limacore.ssh.master import Master, master
from limacore.ssh.mux import REMOTE, Address, Message, Mux, MuxError, pack
from tests.unit.hostagent.stub import StubGuest


@pytest.fixture
async def guest(lima_home: Path) -> AsyncIterator[tuple[StubGuest, Prepared]]:
    stub = StubGuest(HomePaths(lima_home))
    prepared = await stub.prepared()
    yield stub, prepared
    await stub.ssh_down()


def login(prepared: Prepared) -> AbstractAsyncContextManager[Master]:
    return master(prepared.ssh_options, prepared.spec.ssh_port, prepared.spec.paths.ssh_sock)


async def test_run_a_script(guest: tuple[StubGuest, Prepared]) -> None:
    async with login(guest[1]) as connection:
        result = await connection.run("sh", "cat >&2 <<E\noops\nE\necho hi; exit 7")
        assert (result.code, result.stdout, result.stderr) == (7, "hi\n", "oops\n")
        await asyncio.gather(*(connection.run("true") for _ in range(5)))
    assert not guest[1].spec.paths.ssh_sock.exists()


async def test_a_command_that_hangs_is_given_up(guest: tuple[StubGuest, Prepared]) -> None:
    async with login(guest[1]) as connection:
        with pytest.raises(MuxError, match="did not end within"):
            await connection.run("sleep 30", timeout=0.2)
        assert (await connection.run("echo still here")).stdout == "still here\n"


async def test_forward_between_unix_sockets_and_ports(guest: tuple[StubGuest, Prepared], lima_home: Path) -> None:
    async with login(guest[1]) as connection:
        here, there = Address(str(lima_home / "here.sock")), Address(str(lima_home / "there.sock"))
        async with await asyncio.start_unix_server(_greet, there.host):
            await connection.open_forward(here, there)
            reader, writer = await asyncio.open_unix_connection(here.host)
            assert await reader.read(5) == b"hello"
            writer.close()
            await connection.close_forward(here, there)
        with pytest.raises(OSError):
            await asyncio.open_unix_connection(here.host)


async def test_a_taken_port_is_refused_and_the_master_lives(guest: tuple[StubGuest, Prepared]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        async with login(guest[1]) as connection:
            with pytest.raises(MuxError, match="refused"):
                await connection.open_forward(Address("127.0.0.1", taken.getsockname()[1]), Address("127.0.0.1", 1))
            assert (await connection.run("true")).code == 0


async def test_the_program_itself_can_use_our_master(guest: tuple[StubGuest, Prepared]) -> None:
    async with login(guest[1]) as connection:
        program = await asyncio.create_subprocess_exec(
            "ssh", "-S", str(connection.sock), "-O", "check", "-F", "/dev/null", "x",
            stderr=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL)
        _, said = await program.communicate()
        assert program.returncode == 0 and str(connection.pid) in said.decode()


async def test_ended_is_known_when_the_server_goes(guest: tuple[StubGuest, Prepared]) -> None:
    async with login(guest[1]) as connection:
        mux = await Mux.connect(connection.sock)
        assert await mux.alive() == connection.pid
        await mux.terminate()
        mux.close()
        async with asyncio.timeout(30):
            await connection.ended


async def test_no_login_says_why(guest: tuple[StubGuest, Prepared]) -> None:
    guest[0].home.private_key.write_text("no key")
    with pytest.raises(GuestError, match="Permission denied"):
        async with login(guest[1]):
            pass


async def test_nobody_at_the_socket(lima_home: Path) -> None:
    with pytest.raises(MuxError, match="does not answer"):
        await Mux.connect(lima_home / "none.sock")


async def test_a_master_that_speaks_nonsense(lima_home: Path) -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\xff" * 64)

    async with await asyncio.start_unix_server(nonsense, lima_home / "s.sock"):
        with pytest.raises(MuxError, match="message of"):
            await Mux.connect(lima_home / "s.sock")


def test_messages() -> None:
    raw = pack(0x10000006, 7, "host", 0)
    assert raw == bytes.fromhex("00000014 10000006 00000007 00000004 686f7374 00000000".replace(" ", ""))
    assert Message(1, raw[8:]).number(0) == 7 and Message(1, raw[8:]).text(4) == "host"
    assert Message(1, b"").number(3) == 0 and Message(1, b"").text(0) == ""
    assert (str(Address("::1", 80)), str(Address("a", 80)), str(Address("/s"))) == ("[::1]:80", "a:80", "/s")
    assert REMOTE == 2


async def test_banner(guest: tuple[StubGuest, Prepared]) -> None:
    assert await banner.answers(guest[1].spec.ssh_port)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not await banner.answers(silent.getsockname()[1], 0.05)
    assert not await banner.answers(1)


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello")
    await writer.drain()
    writer.close()
