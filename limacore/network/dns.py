"""The DNS server that the guest asks through the slirp gateway: our own names, then the servers of this computer.

Ours beside the reference tool: a name server that does not answer gives SERVFAIL (there: empty and no error, which
guests remember), a short name is looked for in the search domains of the host, `lima-NAME.internal` is known."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Callable, Coroutine, Iterable
from ipaddress import ip_address
from typing import Any, cast

from dnslib import AAAA, CNAME, QTYPE, RCODE, RR, A, DNSError, DNSHeader, DNSRecord
from msgspec import Struct

from limacore.errors import HostError
from limacore.network import names
from limacore.network.upstream import NoAnswer, Upstream

TTL = 5
"""Seconds for which a guest may remember our own names."""

PLAIN_UDP, MOST_UDP = 512, 4096
"""Bytes of a UDP answer: without EDNS, and with it."""

MOST_AT_ONCE = 256
"""Questions under way: a guest that asks more is not answered, and asks again."""

IDLE = 30.0
"""Seconds that a TCP connection may be without a question."""

_TRUNCATED = 0x0200


class Manner(Struct, frozen=True):
    """How our own answers look: for how many seconds they hold, and whether they promise recursion."""

    ttl: int = TTL
    recursion: bool = False


OURS = Manner()


class Zone:
    """Answers questions; knows nothing of sockets."""

    def __init__(self, table: names.Table, *, ipv6: bool = False, upstream: Upstream | None = None,
                 manner: Manner = OURS, closed: str = "") -> None:
        self._names = table
        self._ipv6 = ipv6
        self._upstream = upstream or Upstream()
        self._manner = manner
        self._closed = closed
        """A domain in which there is nothing but our own names."""

    async def answer(self, query: bytes, *, tcp: bool) -> bytes:
        """The reply to send; empty for what is no question at all."""
        try:
            asked = DNSRecord.parse(query)
        except (DNSError, ValueError, IndexError, struct.error):
            return query[:2] + struct.pack(">HHHHH", 0x8001, 0, 0, 0, 0) if len(query) >= 12 else b""
        if asked.header.qr:
            return b""
        try:
            reply = await self._reply(asked, query, tcp)
        except NoAnswer:
            reply = self._own(asked, rcode=RCODE.SERVFAIL)
        return reply if tcp else fitted(reply, asked)

    async def _reply(self, asked: DNSRecord, query: bytes, tcp: bool) -> bytes:
        kind = asked.q.qtype if asked.header.opcode == 0 and len(asked.questions) == 1 else 0
        name = str(asked.q.qname) if kind else ""
        if kind == QTYPE.AAAA and not self._ipv6:
            return self._own(asked)
        end = names.follow(self._names, name)
        if names.plain(end) == names.plain(name):
            return await self._from_above(asked, query, tcp)
        if kind == QTYPE.CNAME and not names.is_address(value := self._names[names.plain(name)]):
            return self._own(asked, [CNAME(value)])
        if kind not in (QTYPE.A, QTYPE.AAAA):
            return await self._upstream.ask(query, tcp=tcp)
        if names.is_address(end):
            return self._own(asked, _address(end, kind))
        return self._own(asked, await self._records(end, kind, tcp)) if end else self._own(asked, rcode=RCODE.NXDOMAIN)

    def _own(self, asked: DNSRecord, records: Iterable[Any] = (), rcode: int = 0) -> bytes:
        return own(asked, records, rcode, self._manner)

    async def _from_above(self, asked: DNSRecord, query: bytes, tcp: bool) -> bytes:
        """What the host's servers say; a name of one label is looked for in the search domains after that."""
        name = names.plain(str(asked.q.qname)) if asked.questions else ""
        if self._closed and name.endswith(f".{self._closed}"):
            return self._own(asked, rcode=RCODE.NXDOMAIN)
        reply = await self._upstream.ask(query, tcp=tcp)
        missing = len(reply) > 3 and reply[3] & 15 == RCODE.NXDOMAIN
        if not missing or not name or "." in name or asked.q.qtype not in (QTYPE.A, QTYPE.AAAA):
            return reply
        for domain in self._upstream.resolver().search:
            if records := await self._records(f"{name}.{domain}", asked.q.qtype, tcp):
                return self._own(asked, records)
        return reply

    async def _records(self, name: str, kind: int, tcp: bool) -> list[Any]:
        """Addresses of another name than the guest asked for."""
        query = DNSRecord.question(name, QTYPE[kind])
        raw = await self._upstream.ask(bytes(query.pack()), tcp=tcp)
        with contextlib.suppress(DNSError, ValueError, IndexError, struct.error):
            return [each.rdata for each in DNSRecord.parse(raw).rr if each.rtype == kind]
        return []


def own(asked: DNSRecord, records: Iterable[Any] = (), rcode: int = 0, manner: Manner = OURS) -> bytes:
    """A reply of ours: no flags but qr and rd, and the question in the letters in which it was asked."""
    header = DNSHeader(id=asked.header.id, qr=1, aa=0, ra=int(manner.recursion), rd=asked.header.rd,
                       opcode=asked.header.opcode, rcode=rcode)
    answers = [RR(asked.q.qname, QTYPE.reverse[type(each).__name__], ttl=manner.ttl, rdata=each) for each in records]
    return bytes(DNSRecord(header, questions=asked.questions, rr=answers).pack())


def _address(text: str, kind: int) -> list[Any]:
    four = ip_address(text).version == 4
    if four != (kind == QTYPE.A):
        return []
    return [A(text) if four else AAAA(text)]


def fitted(reply: bytes, asked: DNSRecord) -> bytes:
    """A reply that the asker takes by UDP; one that is too long becomes a word to ask by TCP."""
    edns = next((each.rclass for each in asked.ar if each.rtype == QTYPE.OPT), PLAIN_UDP)
    if len(reply) <= min(max(edns, PLAIN_UDP), MOST_UDP):
        return reply
    flags = struct.unpack_from(">H", reply, 2)[0] | _TRUNCATED
    empty = DNSRecord(questions=asked.questions).pack()[12:]
    return reply[:2] + struct.pack(">HHHHH", flags, len(asked.questions), 0, 0, 0) + bytes(empty)


class Server:
    """A zone on two ports of the loopback address."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._tasks: set[asyncio.Task[None]] = set()
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None

    @property
    def udp_port(self) -> int:
        """The UDP port; 0 when it does not serve."""
        return int(self._udp.get_extra_info("sockname")[1]) if self._udp else 0

    @property
    def tcp_port(self) -> int:
        """The TCP port; 0 when it does not serve."""
        return int(self._tcp.sockets[0].getsockname()[1]) if self._tcp and self._tcp.sockets else 0

    async def start(self, udp: int = 0, tcp: int = 0) -> None:
        """Listen, on any free ports unless told which; raises HostError."""
        loop = asyncio.get_running_loop()
        try:
            self._udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self._take), ("127.0.0.1", udp))
            self._tcp = await asyncio.start_server(self._connected, "127.0.0.1", tcp)
        except OSError as error:
            self.close()
            raise HostError("the DNS server for the guest cannot listen", detail=error.strerror or str(error),
                            hint="end what uses the port, or set `hostResolver.enabled: false`") from error

    def close(self) -> None:
        """Stop; questions under way are dropped."""
        for task in self._tasks:
            task.cancel()
        if self._udp:
            self._udp.close()
        if self._tcp:
            self._tcp.close()

    def _take(self, query: bytes, reply: Callable[[bytes], None]) -> None:
        if len(self._tasks) < MOST_AT_ONCE:
            self._begin(self._answer_udp(query, reply))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_udp(self, query: bytes, reply: Callable[[bytes], None]) -> None:
        if data := await self._zone.answer(query, tcp=False):
            reply(data)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._tasks) < MOST_AT_ONCE:
            self._begin(self._converse(reader, writer))
        else:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, EOFError), contextlib.closing(writer):
            while True:
                async with asyncio.timeout(IDLE):
                    size = struct.unpack(">H", await reader.readexactly(2))[0]
                    query = await reader.readexactly(size)
                reply = await self._zone.answer(query, tcp=True)
                writer.write(struct.pack(">H", len(reply)) + reply)
                await writer.drain()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes, Callable[[bytes], None]], None]) -> None:
        self._take = take

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # before 3.12 asyncio's own is no subclass of it

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._take(data, lambda reply: self._transport.sendto(reply, addr))
