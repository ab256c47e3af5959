"""What the forwarder makes of changes: with a stand-in for the ssh master, and a real guest agent for UDP elsewhere."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from limacore.errors import GuestError
from limacore.forward import forwarder as module
from limacore.forward.byhand import parse
from limacore.forward.forwarder import Forwarder
from limacore.forward.rules import table
from limacore.model.config import PortForward
from limacore.model.event import PortForwardEvent
from limacore.model.guest import Port, Ports
from limacore.ssh.mux import LOCAL, REMOTE, Address


class Master:
    """Remembers what it was asked for; refuses what is in `taken`."""

    def __init__(self) -> None:
        self.open: dict[Address, tuple[Address, int]] = {}
        self.commands: list[str] = []
        self.taken: set[Address] = set()

    async def open_forward(self, listen: Address, connect: Address, *, kind: int = LOCAL) -> None:
        if listen in self.taken:
            raise GuestError("refused")
        self.open[listen] = (connect, kind)

    async def close_forward(self, listen: Address, connect: Address, *, kind: int = LOCAL) -> None:
        assert self.open.pop(listen) == (connect, kind)

    async def run(self, command: str) -> Any:
        self.commands.append(command)


class Made:
    """A forwarder at work, its events and its log."""

    def __init__(self, *rules: PortForward) -> None:
        self.events: list[PortForwardEvent] = []
        self.log: list[str] = []
        self.master = Master()
        self.it = Forwarder(table(rules, 60022, Path("/nonexistent/sock")), self.events.append,
                            lambda level, text: self.log.append(f"{level} {text}"))

    async def calm(self) -> None:
        await self.it._settled(5)


@asynccontextmanager
async def at_work(*rules: PortForward) -> AsyncIterator[Made]:
    made = Made(*rules)
    task = asyncio.create_task(made.it.run())
    made.it.attach(made.master)
    await made.calm()
    yield made
    task.cancel()


def tcp(number: int, ip: str = "127.0.0.1") -> Port:
    return Port("tcp", ip, number)


async def test_a_new_master_gets_everything_again_and_that_is_said() -> None:
    async with at_work() as made:
        made.it.ports(Ports((tcp(7000), tcp(7001))))
        await made.calm()
        made.it.attach(None)
        await made.calm()
        made.master.open.clear()
        made.it.attach(made.master)
        await made.calm()
        assert set(made.master.open) == {Address("127.0.0.1", 7000), Address("127.0.0.1", 7001)}
        assert made.log[-1] == "info forwards were made again: 2 open, 0 failed"


async def test_what_is_added_by_hand_outlives_the_master_and_goes_when_told() -> None:
    async with at_work() as made:
        assert (await made.it.add(parse("tcp", "80", "8080"))).state == "forwarding"
        made.it.attach(None)
        made.master.open.clear()
        made.it.attach(made.master)
        await made.calm()
        assert made.master.open == {Address("127.0.0.1", 8080): (Address("127.0.0.1", 80), LOCAL)}
        assert await made.it.remove("127.0.0.1:8080") and not made.master.open
        assert not await made.it.remove("127.0.0.1:8080")


async def test_what_cannot_be_added_is_not_kept() -> None:
    async with at_work() as made:
        made.master.taken.add(Address("127.0.0.1", 8080))
        state = await made.it.add(parse("tcp", "80", "8080"))
        assert (state.state, state.error) == ("failed", "refused")
        made.master.taken.clear()
        await made.calm()
        assert not made.it.current() and not made.master.open


async def test_a_port_of_a_rule_stays_off_until_it_is_added_again() -> None:
    async with at_work() as made:
        made.it.ports(Ports((tcp(7000),)))
        await made.calm()
        assert await made.it.remove("127.0.0.1:7000") and not made.master.open
        assert [event.type for event in made.events] == ["forwarding", "stopping", "not-forwarding"]
        made.it.ports(Ports(removed=(tcp(7000),)))
        made.it.ports(Ports((tcp(7000),)))
        await made.calm()
        assert not made.master.open
        await made.it.add(parse("tcp", "7000"))
        assert list(made.master.open) == [Address("127.0.0.1", 7000)]


async def test_a_reverse_socket_replaces_an_old_one_in_the_guest() -> None:
    rule = PortForward(guest_socket="/run/a b.sock", host_socket="/tmp/x.sock", reverse=True)
    async with at_work(rule) as made:
        assert made.master.open == {Address("/run/a b.sock"): (Address("/tmp/x.sock"), REMOTE)}
        assert made.master.commands == ["rm -f '/run/a b.sock'"]


async def test_tries_become_rarer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY", 0.01)
    monkeypatch.setattr(module, "LONGEST_RETRY", 0.05)
    async with at_work() as made:
        made.master.taken.add(Address("127.0.0.1", 7000))
        made.it.ports(Ports((tcp(7000),)))
        async with asyncio.timeout(30):
            while made.it._pause != 0.05:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
            made.master.taken.clear()
            while len(made.events) < 2:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        assert [event.type for event in made.events] == ["failed", "forwarding"]


async def test_what_failed_waits_for_its_time_while_others_come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY", 3600.0)
    async with at_work() as made:
        made.master.taken.add(Address("127.0.0.1", 7000))
        made.it.ports(Ports((tcp(7000),)))
        await made.calm()
        made.master.taken.clear()
        made.it.ports(Ports((tcp(7001),)))
        await made.calm()
        assert list(made.master.open) == [Address("127.0.0.1", 7001)]
        made.it.ports(Ports(removed=(tcp(7001),)))  # perhaps it was in the way
        await made.calm()
        assert list(made.master.open) == [Address("127.0.0.1", 7000)]


async def test_a_taken_udp_port_is_told_with_its_owner() -> None:
    from limacore.forward import owner
    from limacore.forward.rules import Target

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        target = Target("127.0.0.1", sock.getsockname()[1])
        assert "is in use by python" in await owner.reason(target, "udp")
    assert not await owner.reason(target, "udp")


async def test_a_file_is_not_taken_for_an_old_socket(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    async with at_work(PortForward(guest_socket="/run/x", host_socket=str(tmp_path / "file"))) as made:
        assert not made.master.open and "a file that is no socket is there" in made.it.current()[0].error
    assert (tmp_path / "file").read_text() == "mine"


async def test_what_decided_is_told() -> None:
    async with at_work(PortForward(guest_port=80, host_port=8080)) as made:
        made.it.ports(Ports((tcp(80), tcp(81), tcp(22))))
        await made.it.add(parse("tcp", "90", "9090"))
        assert [each.rule for each in made.it.current()] == [
            "portForwards[0]", "default", "the port of ssh", "by hand"]
        assert await made.it.remove("127.0.0.1:81")
        assert [(each.state, each.rule) for each in made.it.current()][1] == ("not-forwarding", "stopped by hand")
