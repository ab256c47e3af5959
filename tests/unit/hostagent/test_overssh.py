"""The stand-in for a guest agent, between a real shell on this computer and the link that agents speak to."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from limacore.hostagent import overssh
from limacore.hostagent.guestlink import GuestLink
from limacore.model.guest import Clock, FromGuest, Hello, Metrics, Port, Ports
from limacore.ssh.master import ScriptResult


class LocalMaster:
    """Runs the command here in place of a guest."""

    def __init__(self) -> None:
        self.processes: list[asyncio.subprocess.Process] = []

    async def stream(self, command: str, peer: int) -> ScriptResult:
        process = await asyncio.create_subprocess_shell(command, stdin=peer, stdout=peer)
        self.processes.append(process)
        try:
            return ScriptResult(await process.wait())
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


class Heard:
    def __init__(self) -> None:
        self.messages: list[FromGuest] = []
        self.link = GuestLink(self.messages.append, lambda level, text: None)

    async def until(self, kind: type[Any], fits: Any = lambda message: True) -> Any:
        async with asyncio.timeout(30):
            while not (found := [each for each in self.messages if isinstance(each, kind) and fits(each)]):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            return found[-1]


@contextlib.asynccontextmanager
async def attended(heard: Heard) -> AsyncIterator[tuple[LocalMaster, asyncio.Task[None]]]:
    master: Any = LocalMaster()
    task = asyncio.create_task(overssh.attend(master, heard.link))
    try:
        yield master, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    monkeypatch.setattr(overssh, "BOOTING", 0.05)
    monkeypatch.setattr(overssh, "LISTENING", 0.05)
    return Heard()


async def test_it_tells_what_an_agent_would_tell(heard: Heard) -> None:
    async with attended(heard):
        hello = await heard.until(Hello)
        assert (hello.kernel, hello.port_source) == (os.uname().release, "ssh")
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = Port("tcp", "127.0.0.1", server.getsockname()[1])
            await heard.until(Ports, lambda ports: port in ports.added)
        await heard.until(Ports, lambda ports: port in ports.removed)
        heard.link.want_metrics()
        assert (await heard.until(Metrics)).memory_total > 0
        heard.link.set_clock()
        assert abs((await heard.until(Clock)).skew_ms) < 5000


async def test_it_ends_with_the_connection_and_nobody_is_heard_then(heard: Heard) -> None:
    async with attended(heard) as (master, task):
        await heard.until(Hello)
        master.processes[0].kill()
        await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 20)
        assert not heard.link.answered.is_set() and not heard.link.power_off()


async def test_it_gives_way_to_a_real_agent(heard: Heard) -> None:
    async with attended(heard) as (_, task):
        await heard.until(Hello)
        ours, theirs = socket.socketpair()
        _, writer = await asyncio.open_unix_connection(sock=theirs)
        talk = asyncio.create_task(heard.link.talk(*await asyncio.open_unix_connection(sock=ours)))
        writer.write(msgspec.json.encode(Hello(1, port_source="proc")) + b"\n")
        await asyncio.wait_for(task, 20)
        assert heard.link.answered.is_set()
        writer.close()
        await talk


async def test_a_shell_that_babbles_is_left(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overssh.overssh, "script", lambda: "echo here; read -r question; yes babble")
    async with attended(heard) as (_, task):
        await asyncio.wait_for(task, 30)
        assert not heard.messages
