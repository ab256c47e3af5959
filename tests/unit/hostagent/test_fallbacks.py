"""Guests without an agent on the virtio port, connections that break, and rules that stand by themselves."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from limacore.hostagent import sshlink
from limacore.model.config import Config, PortForward
from limacore.model.guest import Ports
from limacore.paths import HomePaths
from tests.unit.hostagent.stub import IID, StubGuest, port, running
from tests.unit.hostagent.test_agent import listener, messages, unused_port


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sshlink, "PATIENCE", 0.1)
    monkeypatch.setattr(sshlink, "ASK", 0.1)


@pytest.mark.usefixtures("impatient")
async def test_scripts_ask_what_no_agent_tells(lima_home: Path) -> None:
    guest = StubGuest(HomePaths(lima_home), with_agent=False)
    async with running(guest) as run:
        await run.until(lambda: any("boot scripts" in line or "user session" in line for line in messages(run)))
        for name in ("lima-ssh-ready", "lima-boot-done"):
            (guest.run_directory / name).write_text(IID)
        await run.until(lambda: "Waiting for the guest agent to be running" in messages(run))
        assert "The essential requirement 3 of 3 is satisfied" in messages(run)


@pytest.mark.usefixtures("impatient")
async def test_plain_needs_no_agent(lima_home: Path) -> None:
    guest = StubGuest(HomePaths(lima_home), Config(plain=True), with_agent=False)
    async with running(guest) as run:
        (guest.run_directory / "lima-boot-done").write_text(IID)
        event = await run.until_running()
        assert not event.status.degraded
        assert "The essential requirement 2 of 2 is satisfied" in messages(run)
        assert not [line for line in messages(run) if "guest agent" in line]


@pytest.mark.usefixtures("impatient")
async def test_agent_over_ssh_when_the_port_is_mute(lima_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guest = StubGuest(HomePaths(lima_home), with_agent=False)
    inside = guest.run_directory / "agent.sock"
    monkeypatch.setattr(sshlink, "AGENT_SOCKET", str(inside))
    async with running(guest) as run, await asyncio.start_unix_server(guest.serve, inside):
        await guest.boot()
        event = await run.until_running()
        assert not event.status.degraded and run.agent.status(False).agent == "answering"
        await run.until(lambda: run.agent.forwarder.current())
    assert not guest.paths.ga_ssh_sock.exists()


async def test_broken_connection_is_made_again(lima_home: Path) -> None:
    guest = StubGuest(HomePaths(lima_home))
    async with await listener() as server:
        inner, outer = server.sockets[0].getsockname()[1], unused_port()
        rule = PortForward(guest_port_range=(inner, inner), host_port_range=(outer, outer))
        async with running(guest, rule) as run:
            await guest.boot()
            await run.until_running()
            guest.say(Ports((port(inner),)))
            await run.until(lambda: run.forwards() and run.forwards()[-1][2] == f"127.0.0.1:{outer}")
            number = guest.ssh_port()
            await guest.ssh_down()
            await run.until(lambda: any("connection to the guest is gone" in line for line in messages(run)))
            await guest.ssh_up(number)
            await run.until(lambda: run.agent.facts.known("master"))
            reader, writer = await run.until_connected(outer)
            assert await reader.read(5) == b"hello"
            writer.close()


async def test_rules_that_stand_by_themselves(lima_home: Path) -> None:
    guest = StubGuest(HomePaths(lima_home))
    inner, outer = lima_home / "inner.sock", unused_port()
    async with await listener() as server, await asyncio.start_unix_server(_greet, inner):
        number = server.sockets[0].getsockname()[1]
        static = PortForward(guest_port_range=(number, number), host_port_range=(outer, outer), static=True)
        unix = PortForward(guest_socket=str(inner), host_socket="a.sock")
        async with running(guest, static, unix) as run:
            await guest.boot()
            await run.until_running()
            reader, _ = await run.until_connected(outer)
            assert await reader.read(5) == b"hello"
            outside = guest.paths.dir / "sock" / "a.sock"
            await run.until(outside.exists)
            reader, _ = await asyncio.open_unix_connection(outside)
            assert await reader.read(5) == b"inner"
            assert f"Setting up static TCP forwarding from 127.0.0.1:{number} to 127.0.0.1:{outer}" in messages(run)
            assert f"Forwarding `{inner}` (guest) to `{outside}` (host)" in messages(run)
        assert not outside.exists()


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"inner")
    await writer.drain()
    writer.close()
