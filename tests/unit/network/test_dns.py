"""The guest's DNS server on real sockets, before a real (local) name server; the recordings of the reference tool."""

from __future__ import annotations

import asyncio
import csv
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from dnslib import AAAA, MX, QTYPE, RCODE, RR, TXT, A, DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from limacore.network.dns import Server, Zone
from limacore.network.names import follow, table
from limacore.network.upstream import PUBLIC, Upstream, parse

HOSTS = {"guest.name": "127.1.1.1", "host.name": "host.lima.internal", "Six.name": "fd00::1", "a": "b", "b": "a",
         "alias.name": "real.example"}
Answers = Callable[[DNSRecord, bool], bytes | None]


class NameServer(asyncio.DatagramProtocol):
    """A name server at one port, UDP and TCP; `answers` None: silence."""

    def __init__(self, answers: Answers) -> None:
        self.answers, self.asked = answers, []  # type: tuple[Answers, list[str]]

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        record = DNSRecord.parse(data)
        self.asked.append(f"udp {record.q.qname}")
        if (reply := self.answers(record, False)) is not None:
            self.transport.sendto(reply, addr)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        record = DNSRecord.parse(await reader.readexactly(struct.unpack(">H", await reader.readexactly(2))[0]))
        self.asked.append(f"tcp {record.q.qname}")
        if (reply := self.answers(record, True)) is not None:
            writer.write(struct.pack(">H", len(reply)) + reply)
        writer.close()


def nobody(record: DNSRecord, tcp: bool) -> bytes:
    reply = record.reply(ra=1, aa=0)
    reply.header.rcode = RCODE.NXDOMAIN
    return bytes(reply.pack())


def some(record: DNSRecord, tcp: bool) -> bytes:
    """`real.example` and `short.corp.example` exist; `long.example` has much to say."""
    name, reply = str(record.q.qname), record.reply(ra=1, aa=0)
    if name in ("real.example.", "short.corp.example.") and record.q.qtype == QTYPE.A:
        reply.add_answer(RR(name, QTYPE.A, ttl=300, rdata=A("10.0.0.7")))
    elif name == "real.example." and record.q.qtype == QTYPE.AAAA:
        reply.add_answer(RR(name, QTYPE.AAAA, ttl=300, rdata=AAAA("fd00::7")))
    elif name == "real.example." and record.q.qtype == QTYPE.MX:
        reply.add_answer(RR(name, QTYPE.MX, ttl=300, rdata=MX("mail.example")))
    elif name == "long.example.":
        reply.add_answer(*(RR(name, QTYPE.TXT, ttl=300, rdata=TXT("x" * 250)) for _ in range(8)))
    else:
        return nobody(record, tcp)
    return bytes(reply.pack())


def silence(record: DNSRecord, tcp: bool) -> None:
    return None


@asynccontextmanager
async def serving(tmp_path: Path, answers: Answers, **options: Any) -> AsyncIterator[tuple[Server, NameServer]]:
    above = NameServer(answers)
    tcp, udp, number = await both_ports(above)
    conf = tmp_path / "resolv.conf"
    conf.write_text("nameserver 127.0.0.1\nsearch corp.example\n")
    server = Server(Zone(table(HOSTS, "gold"), upstream=Upstream(conf, number), **options))
    await server.start()
    try:
        yield server, above
    finally:
        server.close()
        udp.close()
        tcp.close()


async def both_ports(above: NameServer) -> tuple[asyncio.Server, asyncio.BaseTransport, int]:
    """The same number for UDP and TCP; another process may have half of it."""
    while True:
        tcp = await asyncio.start_server(above.connected, "127.0.0.1", 0)
        number = tcp.sockets[0].getsockname()[1]
        try:
            udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: above, ("127.0.0.1", number))
        except OSError:
            tcp.close()
            continue
        return tcp, udp, number


async def ask(server: Server, name: str, kind: str, *, tcp: bool = False, edns: int = 0) -> DNSRecord:
    query = DNSRecord.question(name, kind)
    if edns:
        from dnslib import EDNS0

        query.add_ar(EDNS0(udp_len=edns))
    return DNSRecord.parse(await raw(server, bytes(query.pack()), tcp=tcp))


async def raw(server: Server, query: bytes, *, tcp: bool = False) -> bytes:
    if tcp:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.tcp_port)
        writer.write(struct.pack(">H", len(query)) + query)
        reply = await reader.readexactly(struct.unpack(">H", await reader.readexactly(2))[0])
        writer.close()
        return reply
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(("127.0.0.1", server.udp_port))
        await loop.sock_sendall(sock, query)
        async with asyncio.timeout(60):
            return await loop.sock_recv(sock, 65536)


def values(reply: DNSRecord) -> list[str]:
    return [str(each.rdata) for each in reply.rr]


DIFFERENT = {"lima-gold.internal": "known here, so that the name is the same on every network"}


async def test_recorded_questions_get_the_recorded_answers(golden: Path, tmp_path: Path) -> None:
    rows = list(csv.DictReader((golden / "runtime/dns/dns-host.tsv").open(), delimiter="\t"))
    async with serving(tmp_path, nobody) as (server, _):
        for row in rows:
            name, kind = row["name"], row["type"].rstrip("+")
            if name in DIFFERENT or (row["rcode"] == "0" and row["seconds"] == "2.0"):
                continue  # the recorded server's own server was silent there: SERVFAIL with us
            reply = await ask(server, name, kind, tcp=row["transport"] == "tcp")
            answers = " ".join(f"an:{each.rname} {each.ttl} {QTYPE[each.rtype]} {each.rdata}" for each in reply.rr)
            flags = [word for word in ("qr", "aa", "tc", "rd", "ra") if getattr(reply.header, word)]
            assert (name, kind, str(reply.header.rcode), ",".join(flags), answers or "-") == (
                name, kind, row["rcode"], row["flags"], row["answers"])
    assert len(rows) > 60


@pytest.mark.parametrize(("name", "kind", "wanted"), [
    ("host.lima.internal", "A", ["192.168.5.2"]),
    ("lima-gold.internal", "A", ["192.168.5.15"]),
    ("host.name", "CNAME", ["host.lima.internal."]),
    ("alias.name", "A", ["10.0.0.7"]),
    ("real.example", "A", ["10.0.0.7"]),
    ("real.example", "MX", ["10 mail.example."]),
    ("short", "A", ["10.0.0.7"]),
    ("six.name", "A", []),
    ("six.name", "AAAA", []),
])
async def test_answers(tmp_path: Path, name: str, kind: str, wanted: list[str]) -> None:
    async with serving(tmp_path, some) as (server, _):
        for tcp in (False, True):
            reply = await ask(server, name, kind, tcp=tcp)
            assert (reply.header.rcode, values(reply)) == (0, wanted)


async def test_ipv6_when_switched_on(tmp_path: Path) -> None:
    async with serving(tmp_path, some, ipv6=True) as (server, _):
        assert values(await ask(server, "six.name", "AAAA")) == ["fd00::1"]
        assert values(await ask(server, "real.example", "AAAA")) == ["fd00::7"]


async def test_names_in_a_circle_do_not_exist(tmp_path: Path) -> None:
    async with serving(tmp_path, some) as (server, _):
        assert (await ask(server, "a", "A")).header.rcode == RCODE.NXDOMAIN


async def test_long_answers_are_cut_on_udp_and_whole_on_tcp(tmp_path: Path) -> None:
    async with serving(tmp_path, some) as (server, above):
        cut = await ask(server, "long.example", "TXT")
        assert cut.header.tc and not cut.rr
        assert len((await ask(server, "long.example", "TXT", tcp=True)).rr) == 8
        assert len((await ask(server, "long.example", "TXT", edns=4096)).rr) == 8
        assert above.asked[:2] == ["udp long.example.", "tcp long.example."]


async def test_no_answer_above_is_servfail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limacore.network.upstream.TRY_TIME", 0.1)
    async with serving(tmp_path, silence) as (server, above):
        for tcp in (False, True):
            assert (await ask(server, "real.example", "A", tcp=tcp)).header.rcode == RCODE.SERVFAIL
        assert values(await ask(server, "host.lima.internal", "A")) == ["192.168.5.2"]
        assert {"udp real.example.", "tcp real.example."} == set(above.asked)


async def test_malformed_questions_are_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, some) as (server, _):
        assert (await raw(server, b"\x12\x34" + b"\xff" * 20))[:2] == b"\x12\x34"
        assert values(await ask(server, "host.lima.internal", "A")) == ["192.168.5.2"]


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_survived(data: bytes, tcp: bool) -> None:
    class Silent(Upstream):
        async def ask(self, query: bytes, *, tcp: bool) -> bytes:
            return query

    zone = Zone(table(HOSTS, "gold"), upstream=Silent())
    asyncio.run(zone.answer(data, tcp=tcp))
    header = struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 1)
    asyncio.run(zone.answer(header + data, tcp=tcp))


def test_resolv_conf() -> None:
    found = parse("# a comment\nnameserver 10.1.1.1\nnameserver ::1\noptions ndots:1\ndomain x.example\nsearch a. b\n")
    assert (found.servers, found.search) == (("10.1.1.1", "::1"), ("a", "b"))
    assert parse("").servers == PUBLIC


async def test_changed_resolv_conf_counts_at_once(tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    upstream = Upstream(conf)
    assert upstream.resolver().servers == PUBLIC
    conf.write_text("nameserver 10.0.0.1\n")
    assert upstream.resolver().servers == ("10.0.0.1",)


def test_forced_names_win() -> None:
    names = table({"Host.Lima.Internal.": "1.1.1.1", "host.lima.internal": "2.2.2.2", "x": "Y.", "y": "z"}, "lima-i")
    assert follow(names, "HOST.lima.internal.") == "192.168.5.2"
    assert follow(names, "lima-i") == "192.168.5.15"
    assert follow(names, "X") == "z"
