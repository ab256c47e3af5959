"""The name servers of this computer, asked with the guest's own bytes: UDP, and TCP where that does not do."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import struct
from pathlib import Path

from msgspec import Struct

RESOLV_CONF = Path("/etc/resolv.conf")
PUBLIC = ("8.8.8.8", "1.1.1.1")
"""Asked where the host names no server; the reference tool's choice."""

TRY_TIME = 2.0
"""Seconds for one server and one way."""

MOST_SERVERS = 3
PORT = 53


class Resolver(Struct, frozen=True):
    """What resolv.conf says."""

    servers: tuple[str, ...]
    search: tuple[str, ...] = ()


class NoAnswer(Exception):
    """No server of the host answered."""


def parse(text: str) -> Resolver:
    """`nameserver`, and the last of `search` and `domain`."""
    servers: list[str] = []
    search: tuple[str, ...] = ()
    for line in text.splitlines():
        match line.split():
            case ["nameserver", address, *_]:
                servers.append(address)
            case ["search" | "domain", *domains]:
                search = tuple(each.strip(".") for each in domains if each.strip("."))
    return Resolver(tuple(servers[:MOST_SERVERS]) or PUBLIC, search)


class Upstream:
    """Asks the servers in their order; reads resolv.conf again when it has changed (another Wi-Fi, a VPN)."""

    def __init__(self, conf: Path = RESOLV_CONF, port: int = PORT) -> None:
        self._conf = conf
        self._port = port
        self._stamp: tuple[int, int] | None = None
        self._found = Resolver(PUBLIC)

    def resolver(self) -> Resolver:
        """Servers and search domains as they are now."""
        try:
            state = self._conf.stat()
            if (stamp := (state.st_mtime_ns, state.st_ino)) != self._stamp:
                self._found, self._stamp = parse(self._conf.read_text(errors="replace")), stamp
        except OSError:
            self._found, self._stamp = Resolver(PUBLIC), None
        return self._found

    async def ask(self, query: bytes, *, tcp: bool) -> bytes:
        """The first answer with its flags as they came; raises NoAnswer when nobody gives one."""
        for server in self.resolver().servers:
            for way in (self._by_tcp, self._by_udp) if tcp else (self._by_udp, self._by_tcp):
                with contextlib.suppress(OSError, TimeoutError, EOFError):
                    async with asyncio.timeout(TRY_TIME):
                        return await way(server, query)
        raise NoAnswer

    async def _by_udp(self, server: str, query: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        transport, waiting = await loop.create_datagram_endpoint(
            lambda: _Waiting(loop.create_future(), query), remote_addr=(server, self._port))
        try:
            transport.sendto(waiting.asked)
            return query[:2] + (await waiting.answer)[2:]
        finally:
            transport.close()

    async def _by_tcp(self, server: str, query: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(server, self._port)
        try:
            writer.write(struct.pack(">H", len(query)) + query)
            size = struct.unpack(">H", await reader.readexactly(2))[0]
            answer = await reader.readexactly(size)
        finally:
            writer.close()
        if answer[:2] != query[:2]:
            raise OSError("the answer is to another question")
        return answer


class _Waiting(asyncio.DatagramProtocol):
    """One question under an id of our own, so that nobody but the server can have seen it."""

    def __init__(self, answer: asyncio.Future[bytes], query: bytes) -> None:
        self.answer = answer
        self.asked = secrets.token_bytes(2) + query[2:]

    def datagram_received(self, data: bytes, addr: object) -> None:
        if len(data) >= 12 and data[:2] == self.asked[:2] and data[2] & 0x80 and not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self.answer.cancel()
