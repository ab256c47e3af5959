"""UDP through the guest agent itself, run as a process on this computer."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from limacore.errors import GuestError
from limacore.forward import udp
from limacore.forward.rules import Target
from limacore.guest import agentfile
from limacore.ssh.mux import Address


@asynccontextmanager
async def agent(run: Path) -> AsyncIterator[Path]:
    """A guest agent with its sockets in `run`; without a virtio port."""
    file = run / "agent.py"
    file.write_bytes(agentfile.content())
    process = await asyncio.create_subprocess_exec(
        sys.executable, file, "daemon", "--run", run, "--virtio-port=", stderr=asyncio.subprocess.DEVNULL)
    path = run / "lima-guestagent.tunnel"
    async with asyncio.timeout(60):
        while not path.is_socket():  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.02)
    try:
        yield path
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def echo(family: int = socket.AF_INET, address: str = "127.0.0.1") -> AsyncIterator[int]:
    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: object) -> None:
            self.transport.sendto(data, addr)  # type: ignore[attr-defined]

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Echo, (address, 0), family=family)
    yield transport.get_extra_info("sockname")[1]
    transport.close()


async def ask(port: int, data: bytes, host: str = "127.0.0.1", timeout: float = 30.0) -> bytes:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect((host, port))
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(sock, data)
        async with asyncio.timeout(timeout):
            return await loop.sock_recv(sock, 65536)


def unused() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def nothing() -> None:
    return


@pytest.mark.parametrize("size", [1, 1400, 9000, 65000])
async def test_datagrams_keep_their_borders(lima_home: Path, size: int) -> None:
    async with agent(lima_home) as path, echo() as inside:
        tunnel = await udp.dial(path, nothing)
        listener = await udp.listen(tunnel, Target("127.0.0.1", port := unused()), Address("127.0.0.1", inside))
        sent = [bytes([number]) * size for number in range(20 if size < 9000 else 3)]
        assert await asyncio.gather(*(ask(port, data) for data in sent)) == sent
        listener.close()
        tunnel.hang_up()


async def test_every_address_of_both_families(lima_home: Path) -> None:
    async with agent(lima_home) as path, echo(socket.AF_INET6, "::1") as inside:
        tunnel = await udp.dial(path, nothing)
        listener = await udp.listen(tunnel, Target("0.0.0.0", port := unused()), Address("::1", inside))
        assert await ask(port, b"4") == b"4"
        assert await ask(port, b"6", "::1") == b"6"
        listener.close()
        tunnel.hang_up()


async def test_silent_clients_are_forgotten(lima_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "IDLE", 0.2)
    async with agent(lima_home) as path, echo() as inside:
        tunnel = await udp.dial(path, nothing)
        listener = await udp.listen(tunnel, Target("127.0.0.1", port := unused()), Address("127.0.0.1", inside))
        assert await ask(port, b"a") == b"a" and len(tunnel._flows) == 1
        async with asyncio.timeout(30):
            while tunnel._flows or listener._clients or listener._sweep is not None:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)
        assert await ask(port, b"b") == b"b"
        listener.close()
        tunnel.hang_up()


async def test_a_flood_of_clients_pushes_the_oldest_out(lima_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "MOST_CLIENTS", 10)
    async with agent(lima_home) as path, echo() as inside:
        tunnel = await udp.dial(path, nothing)
        listener = await udp.listen(tunnel, Target("127.0.0.1", port := unused()), Address("127.0.0.1", inside))
        for number in range(50):
            assert await ask(port, b"%d" % number) == b"%d" % number
        assert len(tunnel._flows) == len(listener._clients) == 10
        listener.close()
        tunnel.hang_up()


async def test_the_end_of_the_agent_is_told(lima_home: Path) -> None:
    lost = asyncio.Event()
    async with agent(lima_home) as path:
        await udp.dial(path, lost.set)
    await asyncio.wait_for(lost.wait(), 30)
    with pytest.raises(GuestError):
        await udp.dial(path, nothing)


async def test_nobody_behind_the_socket(lima_home: Path) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_unix_server(hang_up, lima_home / "s"):
        with pytest.raises(GuestError):
            await udp.dial(lima_home / "s", nothing)


async def test_nonsense_from_the_guest_is_survived(lima_home: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(7) + b"\x02\xff\xff\xff\xff\x00\x01x" + b"\xff" * 70000)
        await writer.drain()

    async with await asyncio.start_unix_server(talk, lima_home / "s"):
        tunnel = await udp.dial(lima_home / "s", nothing)
        await asyncio.sleep(0.1)
        assert len(tunnel._buffer) <= 65536 + 7
        tunnel.hang_up()
