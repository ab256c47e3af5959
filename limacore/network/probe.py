"""Whether a guest listens on a TCP port: the first packet of a connection, and what comes back for it."""

from __future__ import annotations

import asyncio
import secrets
import struct

from limacore.network import frames
from limacore.network.frames import TCP, Ip

SYN, RST, ACK = 0x02, 0x04, 0x10
_TCP = struct.Struct(">HHIIBBHHH")
_IP = struct.Struct(">BBHHHBBH4s4s")
_FIRST_PORT, _LAST_PORT = 61_000, 65_000
"""Above what a network stack takes for its own connections to guests."""


def segment(source: tuple[bytes, int], to: tuple[bytes, int], numbers: tuple[int, int], flags: int) -> bytes:
    """An IPv4 packet with a TCP header and no content; `numbers` are sequence and acknowledgement."""
    def tcp(total: int) -> bytes:
        return _TCP.pack(source[1], to[1], *numbers, 5 << 4, flags, 0xFFFF, total, 0)

    pseudo = source[0] + to[0] + struct.pack(">HH", TCP, _TCP.size)
    head = (0x45, 0, _IP.size + _TCP.size, 0, 0x4000, 64, TCP)
    ip = _IP.pack(*head, frames.checksum(_IP.pack(*head, 0, source[0], to[0])), source[0], to[0])
    return ip + tcp(frames.checksum(pseudo + tcp(0)))


def verdict(packet: bytes, ip: Ip) -> tuple[bool, int]:
    """Whether an answer means that somebody listens, and the number that it expects next."""
    _, _, _, acknowledged, _, flags, *_ = _TCP.unpack_from(packet, ip.start)
    return bool(flags & SYN) and not flags & RST, acknowledged


class Probes:
    """Connections that were begun to see whether they can be, by our port."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[bool]] = {}

    def begin(self) -> tuple[int, asyncio.Future[bool]]:
        """A port of ours, and what will be known."""
        port = next(each for each in iter(self._any, 0) if each not in self._waiting)
        self._waiting[port] = asyncio.get_running_loop().create_future()
        return port, self._waiting[port]

    @staticmethod
    def _any() -> int:
        return _FIRST_PORT + secrets.randbelow(_LAST_PORT - _FIRST_PORT)

    def end(self, port: int) -> None:
        """Expect nothing more."""
        self._waiting.pop(port, None)

    def meant(self, ip: Ip, port: int) -> bool:
        """Whether a packet to `port` is the answer to one of ours."""
        return ip.protocol == TCP and ip.first and port in self._waiting and ip.end - ip.start >= _TCP.size

    def take(self, packet: bytes, ip: Ip, port: int) -> int:
        """Note an answer; the sequence number with which to take the connection back, -1 when it was refused."""
        listens, acknowledged = verdict(packet, ip)
        future = self._waiting[port]
        if not future.done():
            future.set_result(listens)
        return acknowledged if listens else -1
