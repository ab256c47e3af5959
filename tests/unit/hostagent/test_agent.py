"""A whole boot with a real ssh server and a real agent socket, without a machine."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path

from limacore.model.config import Config, PortForward, Probe
from limacore.model.event import EventStatus
from limacore.model.guest import BootProgress, Hello, Ports, PowerOff, SetClock, SetInterval
from limacore.paths import HomePaths
from tests.unit.hostagent.stub import IID, Running, StubGuest, port, running


async def test_ready_by_agent_and_one_login(lima_home: Path) -> None:
    guest = StubGuest(HomePaths(lima_home))
    async with running(guest) as run:
        await guest.boot()
        event = await run.until_running()
        assert not event.status.degraded and event.status.ssh_local_port == run.agent.prepared.spec.ssh_port
        assert [step.name for step in run.agent.emit.steps()] == [
            "firmware", "kernel", "init", "ssh", "agent", "scripts", "ready"]
        assert all(step.state == "done" for step in run.agent.emit.steps())
        assert "The essential requirement 3 of 3 is satisfied" in [line["msg"] for line in run.log()]
        assert run.agent.status(False).phase == "running"
        assert any(isinstance(each, SetClock) for each in guest.got)


async def test_port_follows_the_guest(lima_home: Path) -> None:
    guest = StubGuest(HomePaths(lima_home))
    async with running(guest) as run, await listener() as server:
        number = server.sockets[0].getsockname()[1]
        await guest.boot()
        await run.until_running()
        guest.say(Ports((port(number),)))
        host = free_port(number)
        assert host is None  # the same number cannot be listened on twice on this host
        await run.until(lambda: ("failed", f"127.0.0.1:{number}", f"127.0.0.1:{number}") in run.forwards())


async def test_port_is_relayed(lima_home: Path) -> None:
    guest = StubGuest(HomePaths(lima_home))
    async with await listener() as server:
        inner = server.sockets[0].getsockname()[1]
        outer = unused_port()
        rule = PortForward(guest_port_range=(inner, inner), host_port_range=(outer, outer))
        async with running(guest, rule) as run:
            await guest.boot()
            await run.until_running()
            guest.say(Ports((port(inner),)))
            await run.until(lambda: ("forwarding", f"127.0.0.1:{inner}", f"127.0.0.1:{outer}") in run.forwards())
            reader, writer = await asyncio.open_connection("127.0.0.1", outer)
            assert await reader.read(5) == b"hello"
            writer.close()
            guest.say(Ports(removed=(port(inner),)))
            await run.until(lambda: ("stopping", f"127.0.0.1:{inner}", f"127.0.0.1:{outer}") in run.forwards())
            assert free_port(outer)


async def test_taken_host_port_is_retried(lima_home: Path) -> None:
    guest = StubGuest(HomePaths(lima_home))
    outer = unused_port()
    rule = PortForward(guest_port_range=(7000, 7000), host_port_range=(outer, outer))
    with socket.create_server(("127.0.0.1", outer)) as taken:
        async with running(guest, rule) as run:
            await guest.boot()
            await run.until_running()
            guest.say(Ports((port(7000),)))
            await run.until(lambda: ("failed", "127.0.0.1:7000", f"127.0.0.1:{outer}") in run.forwards())
            assert "in use by python" in run.agent.forwarder.current()[-1].error
            taken.close()
            await run.until(lambda: ("forwarding", "127.0.0.1:7000", f"127.0.0.1:{outer}") in run.forwards())


async def test_graceful_stop(lima_home: Path) -> None:
    guest = StubGuest(HomePaths(lima_home))
    async with running(guest) as run:
        await guest.boot()
        await run.until_running()
        run.agent.power.signalled(signal.SIGINT)
        await run.until(lambda: run.events()[-1].status.exiting)
        assert not run.events()[-1].status.errors
        assert guest.machine.process.returncode == 0
        assert PowerOff() in guest.got or guest.machine.presses
        assert not guest.paths.ssh_sock.exists()


async def test_second_signal_insists(lima_home: Path) -> None:
    guest = StubGuest(HomePaths(lima_home), with_agent=False)
    async with running(guest) as run:
        await run.until(lambda: run.events() and hasattr(guest, "machine"))
        guest.machine.obeys = False
        run.agent.power.signalled(signal.SIGINT)
        await run.until(lambda: guest.machine.presses)
        run.agent.power.signalled(signal.SIGINT)
        await run.until(lambda: run.events()[-1].status.exiting)
        assert guest.machine.process.returncode == -signal.SIGKILL


async def test_machine_that_dies_tells_why(lima_home: Path) -> None:
    guest = StubGuest(HomePaths(lima_home))
    async with running(guest) as run:
        await guest.connected.wait()
        guest.machine.process.kill()
        last = await run.until(lambda: run.events()[-1] if run.events()[-1].status.exiting else None)
        assert last.status.errors == ("the virtual machine ended unexpectedly (signal: killed): stub: killed",)


async def test_reboot_from_inside(lima_home: Path) -> None:
    guest = StubGuest(HomePaths(lima_home))
    async with running(guest) as run:
        await guest.boot()
        await run.until_running()
        guest.say(Hello(1, IID, "b2", "6.1"))
        await run.until(lambda: run.agent.phase == "starting")
        await guest.boot("b2")
        await run.until(lambda: run.agent.phase == "running")
        assert run.events()[-1].status == EventStatus(running=True, ssh_local_port=run.agent.prepared.spec.ssh_port)


async def test_failing_script_does_not_fail_the_start(lima_home: Path) -> None:
    guest = StubGuest(HomePaths(lima_home))
    async with running(guest) as run:
        await guest.connected.wait()
        guest.say(Hello(1, IID, "b1", "6.1"))
        guest.say(BootProgress("end", "provision.system/00000000", 3, 0.2))
        await guest.boot()
        event = await run.until_running()
        assert not event.status.errors
        scripts = [each.status.script for each in run.events() if each.status.script]
        assert any(script.exit_code == 3 for script in scripts)
        assert [(step.name, step.detail) for step in run.agent.emit.steps()][-3:-1] == [
            ("scripts", "1 failed"), ("script 00000000 (system)", "exit code 3")]


async def test_probe_runs_over_the_master(lima_home: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    probe = Probe(description="a mark", script=f"#!/bin/sh\ntest -e {mark}\n", hint="make it")
    guest = StubGuest(HomePaths(lima_home), Config(probes=(probe,)))
    async with running(guest) as run:
        await guest.boot()
        await run.until(lambda: "Waiting for the optional requirement 1 of 1: `a mark`" in messages(run))
        mark.touch()
        await run.until_running()


async def test_hostile_agent_is_refused_not_believed(lima_home: Path) -> None:
    guest = StubGuest(HomePaths(lima_home))
    async with running(guest) as run:
        await guest.connected.wait()
        guest.say_raw(b"A" * 200_000 + b"\n")
        deep = b'{"type":"hello","version":1,"x":' + b"[" * 60_000
        odd = b'{"type":"ports","added":[{"protocol":"tcp","ip":"x"}]}'
        for bad in (deep, b"{", b'{"type":"hello"}', odd, b"\xff\xfe"):
            guest.say_raw(bad + b"\n" * 1)
        guest.say(Ports((port(80, "not an address"),)))
        await guest.boot()
        await run.until_running()
        refused = [line for line in messages(run) if line.startswith("refused a line")]
        assert len(refused) == 5


async def test_metrics_only_while_wanted(lima_home: Path) -> None:
    guest = StubGuest(HomePaths(lima_home))
    async with running(guest) as run:
        await guest.boot()
        await run.until_running()
        run.agent.status(True)
        run.agent.status(True)
        await run.until(lambda: SetInterval(2.0) in guest.got)
        assert guest.got.count(SetInterval(2.0)) == 1


def messages(run: Running) -> list[str]:
    return [line["msg"] for line in run.log()]


async def listener() -> asyncio.Server:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        await writer.drain()
        writer.close()

    return await asyncio.start_server(greet, "127.0.0.1", 0)


def unused_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def free_port(number: int) -> bool | None:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", number))
        except OSError:
            return None
        return True
