"""A guest agent that lies, babbles and floods: what it says is refused or bounded, and nothing of ours ends by it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limacore.base.allowance import Allowance
from limacore.base.jsonlines import LineSplitter
from limacore.forward import telling
from limacore.forward.forwarder import MOST, Forwarder
from limacore.forward.opening import Place
from limacore.forward.rules import Target, table
from limacore.hostagent import guestlink
from limacore.hostagent.emit import Emitter
from limacore.hostagent.facts import Facts
from limacore.hostagent.guestlink import GuestLink
from limacore.hostagent.messages import Messages
from limacore.model.agentstatus import AgentStatus
from limacore.model.guest import MAX_LINE, BootProgress, Clock, Hello, Metrics, Port, Ports
from limacore.ssh.mux import LOCAL, Address

NOWHERE = os.open("/dev/null", os.O_WRONLY)
FIELDS = ("type", "version", "iid", "boot_id", "kernel", "uptime", "state", "name", "exit_code", "seconds", "added",
          "removed", "full", "more", "load", "memory_total", "skew_ms", "adjusted", "error", "message", "level",
          "protocol", "ip", "port")
ODD = st.one_of(
    st.none(), st.booleans(), st.text(max_size=50), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([-1, 0, 22, 65536, 1 << 31, 1 << 63, -(1 << 64), 10 ** 300, "\x1b]0;x\x07", "../../etc", "tcp",
                     "::", "0.0.0.0", "/run/x.sock", "fe80::1%../x", "a" * 70000]))
TREE = st.recursive(ODD, lambda inner: st.one_of(
    st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5)), max_leaves=6)
TAG = st.sampled_from(["hello", "boot", "ports", "metrics", "clock", "note", "ask", "x"])
LIKELY = st.builds(lambda tag, rest: json.dumps({**rest, "type": tag}).encode() + b"\n", TAG,
                   st.dictionaries(st.sampled_from(FIELDS[1:]), TREE, max_size=6))


class Host:
    """What hears a guest in a host agent, without a machine."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.facts = Facts()
        say = lambda level, text: self.log.append(f"{level} {text}")  # noqa: E731
        self.emit = Emitter(NOWHERE)
        self.forwarder = Forwarder(table((), 60022, Path("/nonexistent/sock")), self.emit.port, say)
        self.messages = Messages("iid-1", self.emit, self.facts, self.forwarder, say)
        self.link = GuestLink(self.messages.take, say)
        self._splitter = LineSplitter(MAX_LINE)

    def hear(self, data: bytes) -> None:
        for line in self._splitter.feed(data):
            self.link._take(line, None)  # type: ignore[arg-type]

    def told(self) -> bytes:
        """What a client would be told of it."""
        return msgspec.json.encode(AgentStatus(
            phase="starting", steps=self.emit.steps(), forwards=self.forwarder.current(),
            metrics=self.messages.metrics, clock_skew_ms=self.messages.skew_ms))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=200), LIKELY), max_size=6))
def test_whatever_it_says_the_host_agent_goes_on(said: list[bytes]) -> None:
    host = Host()
    for data in said:
        host.hear(data)
    assert msgspec.json.decode(host.told(), type=AgentStatus)
    assert not host.facts.known("boot") or b"iid-1" in b"".join(said)


@pytest.mark.parametrize("line", [
    b'{"type":"hello","version":1,"x":' + b"[" * 60000, b'{"x":' * 12000,
    b'{"type":"hello","version":1' + b"0" * 60000 + b"}",
    b'{"type":"ports","added":[{"protocol":"sctp","ip":"::1","port":1}]}',
    b'{"type":"ports","added":[{"protocol":"tcp","ip":"::1","port":65536}]}',
    b'{"type":"ports","added":[{"protocol":"tcp","ip":"' + b"1" * 65 + b'","port":1}]}',
    b'{"type":"metrics","memory_total":-1}', b'{"type":"boot","state":"end","exit_code":9223372036854775808}',
])
def test_lines_that_are_refused(line: bytes) -> None:
    host = Host()
    host.hear(line + b"\n")
    assert len(host.log) == 1 and host.log[0].startswith("warning refused a line of the guest agent"), host.log


def test_refusals_are_told_a_few_times() -> None:
    host = Host()
    host.hear(b"nonsense\n" * 10_000)
    assert len(host.log) == 5


async def test_a_flood_lets_others_work_and_waits_in_the_guest(lima_home: Path) -> None:
    handled = turns = most = sent = 0

    def handle(_: Any) -> None:
        nonlocal handled
        handled += 1

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        block = b'{"type":"metrics"}\n' * 5000
        while True:
            writer.write(block)
            await writer.drain()
            sent += len(block)

    async with await asyncio.start_unix_server(flood, lima_home / "s"):
        link = asyncio.create_task(GuestLink(handle, lambda *_: None).converse(lima_home / "s"))
        async with asyncio.timeout(60):
            while handled <= guestlink.MOST_PER_SECOND:
                before = handled
                await asyncio.sleep(0)
                most, turns = max(most, handled - before), turns + 1
        link.cancel()
    assert most <= guestlink.MOST_PER_SECOND and turns > 10
    assert sent < 100_000 * 19


async def test_long_lines_count_for_more() -> None:
    pace = guestlink.Pace(100)
    await pace.step(b"x" * 50_000)
    await pace.step(b"x" * 50_000)
    third = asyncio.create_task(pace.step(b"x" * 50_000))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not third.done()
    third.cancel()


class Master:
    """Opens everything, and takes a turn of the loop for it."""

    def __init__(self) -> None:
        self.open: set[Address] = set()
        self.opened = 0

    async def open_forward(self, listen: Address, connect: Address, *, kind: int = LOCAL) -> None:
        await asyncio.sleep(0)
        self.open.add(listen)
        self.opened += 1

    async def close_forward(self, listen: Address, connect: Address, *, kind: int = LOCAL) -> None:
        self.open.discard(listen)

    async def run(self, command: str) -> Any: ...


@asynccontextmanager
async def with_master() -> AsyncIterator[tuple[Host, Master]]:
    host, master = Host(), Master()
    task = asyncio.create_task(host.forwarder.run())
    host.forwarder.attach(master)
    await host.forwarder._settled(30)
    yield host, master
    task.cancel()


def ports(first: int, count: int) -> tuple[Port, ...]:
    return tuple(Port("tcp", "127.0.0.1", number) for number in range(first, first + count))


async def test_every_port_at_once_and_gone_again() -> None:
    async with with_master() as (host, master):
        tasks = len(asyncio.all_tasks())
        for first in range(1, 65536, 600):
            host.messages.take(Ports(ports(first, min(600, 65536 - first)), full=first == 1, more=first < 64801))
            await asyncio.sleep(0)
        assert len(host.forwarder._guest) == MOST
        host.messages.take(Ports(full=True))
        await host.forwarder._settled(30)
        assert not master.open and master.opened < MOST and not host.forwarder.current()
        assert len(asyncio.all_tasks()) == tasks
        assert [line for line in host.log if line.startswith("warning")] == [
            f"warning the guest listens on more than {MOST} ports; the others are not forwarded"]


async def test_ports_that_were_left_out_are_asked_for_when_there_is_room() -> None:
    async with with_master() as (host, master):
        host.messages.take(Ports(ports(2000, 600), full=True, more=True))
        host.messages.take(Ports(ports(2600, 600)))
        assert not host.forwarder.wants_all()
        host.messages.take(Ports(removed=ports(2000, 300)))
        assert host.forwarder.wants_all() and not host.forwarder.wants_all()
        host.messages.take(Ports(ports(2300, 600), full=True, more=True))
        host.messages.take(Ports(ports(2900, 300)))
        await host.forwarder._settled(30)
        assert {each.port for each in master.open} == set(range(2300, 3200)) and not host.forwarder.wants_all()


async def test_a_full_list_in_parts_forgets_what_none_of_them_names() -> None:
    async with with_master() as (host, master):
        host.messages.take(Ports(ports(2000, 10)))
        host.messages.take(Ports(ports(2002, 3), full=True, more=True))
        host.messages.take(Ports(ports(2005, 1), more=True))
        host.messages.take(Ports(ports(2006, 1)))
        await host.forwarder._settled(30)
        assert {each.port for each in master.open} == set(range(2002, 2007))


async def test_addresses_that_are_none_open_nothing() -> None:
    async with with_master() as (host, master):
        for ip in ("/etc/passwd", "../x", "", "x" * 64, "1.2.3", "::1\n"):
            host.messages.take(Ports((Port("tcp", ip, 80), Port("tcp", ip, 0), Port("udp", ip, 80))))
        await host.forwarder._settled(30)
        assert not master.open and len(host.log) == 5


def test_ports_that_come_and_go_are_told_within_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "BURST", 10)
    monkeypatch.setattr(telling, "RATE", 0.0)
    events: list[Any] = []
    lines: list[str] = []
    made = telling.Telling(events.append, lambda level, text: lines.append(text))
    port = Port("tcp", "::1", 80)
    for number in range(100):
        made.tell({port: telling.PortForwardEvent("failed", "tcp", "[::1]:80", "", str(number))})
    assert len(events) == 10 and len(lines) == 11 and "not each is told" in lines[-1]
    assert made.told[port].error == "99"


def test_an_allowance_refills_and_says_once_that_it_is_empty() -> None:
    clock, dry = [0.0], [0]
    allowance = Allowance(2, 1.0, lambda: dry.__setitem__(0, dry[0] + 1), lambda: clock[0])
    assert [allowance.take() for _ in range(4)] == [True, True, False, False]
    clock[0] += 1
    assert [allowance.take() for _ in range(2)] == [True, False] and dry == [1]
    clock[0] += 9
    assert [allowance.take() for _ in range(3)] == [True, True, False] and dry == [2]


async def test_a_forged_hello_neither_ends_a_boot_nor_fills_the_log() -> None:
    host = Host()
    host.facts.learn("sshd")
    for number in range(1000):
        host.messages.take(Hello(1, "other", str(number)))
        host.messages.take(BootProgress("ready", iid="other"))
        host.messages.take(Clock(1e308, adjusted=True))
        host.messages.take(Clock(-5.0, error="\x1b[2J" * 1000))
        host.facts.learn("sshd")
    assert host.facts.known("agent") and not host.facts.known("boot") and host.messages.skew_ms == -5.0
    assert len(host.log) < 100, len(host.log)


async def test_a_tunnel_that_breaks_again_and_again_is_not_made_again_at_once() -> None:
    async with with_master() as (host, _):
        for _ in range(100):
            host.forwarder._open[Place("udp", Target("127.0.0.1", 7000))] = Address("127.0.0.1", 7000)
            host.forwarder._lost_udp()
        assert len(host.log) == 6 and host.log[-1] == "warning the UDP tunnel breaks again and again"


def test_metrics_are_kept_as_one_value() -> None:
    host = Host()
    for number in range(1000):
        host.messages.take(Metrics(load=float(number)))
    assert host.messages.metrics == Metrics(load=999.0)
