"""Ethernet frames as QEMU sends them over a stream, and the few protocols that a network of ours speaks itself.

A packet here is a frame with its length before it, as it came and as it goes on: nothing is copied on the way."""

from __future__ import annotations

import struct

from msgspec import Struct

PREFIX = 4
MOST = 65_550
"""Bytes of the largest frame; a longer one means that the stream is not what it should be."""

BROADCAST = b"\xff" * 6
ANY = bytes(4)
ARP, IPV4 = b"\x08\x06", b"\x08\x00"
TCP, UDP = 6, 17
DESTINATION, SOURCE, KIND = slice(4, 10), slice(10, 16), slice(16, 18)
"""Where a packet has its addresses and its protocol."""

BODY = 18
"""Where the payload of the frame begins."""

_LENGTH = struct.Struct(">I")
_IP = struct.Struct(">BBHHHBBH4s4s")
_UDP = struct.Struct(">HHHH")
_ARP = struct.Struct(">HHBBH6s4s6s4s")
_ARP_HEAD = (1, 0x0800, 6, 4)
_SMALLEST = 14


class BrokenStream(Exception):
    """What came is no sequence of frames."""


class Splitter:
    """Cuts a stream into packets."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The packets that are complete now; frames too short for an Ethernet header are dropped."""
        if self._rest:
            data = self._rest + data
        packets, start, end = [], 0, len(data)
        while start + PREFIX <= end:
            size = _LENGTH.unpack_from(data, start)[0]
            if size > MOST:
                raise BrokenStream(f"a frame of {size} bytes")
            following = start + PREFIX + size
            if following > end:
                break
            if size >= _SMALLEST:
                packets.append(data[start:following])
            start = following
        self._rest = data[start:]
        return packets


def packet(destination: bytes, source: bytes, kind: bytes, payload: bytes) -> bytes:
    """A frame with its length."""
    return _LENGTH.pack(_SMALLEST + len(payload)) + destination + source + kind + payload


def prefixed(frame: bytes) -> bytes:
    """A packet of a frame that came alone, as a datagram."""
    return _LENGTH.pack(len(frame)) + frame


class Arp(Struct, frozen=True):
    """Who asks (1) or answers (2) for an IPv4 address."""

    operation: int
    sender: bytes
    sender_ip: bytes
    target: bytes
    target_ip: bytes

    def pack(self) -> bytes:
        """As payload of a frame."""
        return _ARP.pack(*_ARP_HEAD, self.operation, self.sender, self.sender_ip, self.target, self.target_ip)


def arp(packet: bytes) -> Arp | None:
    """What an ARP packet says; None when it is none of IPv4 over Ethernet."""
    if packet[KIND] != ARP or len(packet) < BODY + _ARP.size:
        return None
    *head, operation, sender, sender_ip, target, target_ip = _ARP.unpack_from(packet, BODY)
    return Arp(operation, sender, sender_ip, target, target_ip) if tuple(head) == _ARP_HEAD else None


class Ip(Struct, frozen=True):
    """What matters of an IPv4 header, and where the payload begins in the packet."""

    protocol: int
    source: bytes
    destination: bytes
    first: bool
    """Whether it is no later fragment, so that it has the ports."""
    start: int
    end: int


def ipv4(packet: bytes) -> Ip | None:
    """The IPv4 header of a packet; None when it has none that holds together."""
    if packet[KIND] != IPV4 or len(packet) < BODY + _IP.size:
        return None
    version, _, total, _, fragment, _, protocol, _, source, destination = _IP.unpack_from(packet, BODY)
    header = (version & 15) * 4
    if version >> 4 != 4 or header < _IP.size or total < header or BODY + total > len(packet):
        return None
    return Ip(protocol, source, destination, not fragment & 0x1FFF, BODY + header, BODY + total)


class Datagram(Struct, frozen=True):
    """Ports and content of a UDP packet."""

    source_port: int
    port: int
    data: bytes


def datagram(packet: bytes, ip: Ip) -> Datagram | None:
    """The UDP packet in an IPv4 packet; None when there is no whole one."""
    if ip.protocol != UDP or not ip.first or ip.end - ip.start < _UDP.size:
        return None
    source, port, size, _ = _UDP.unpack_from(packet, ip.start)
    if size < _UDP.size or ip.start + size > ip.end:
        return None
    return Datagram(source, port, packet[ip.start + _UDP.size:ip.start + size])


def udp_payload(source: bytes, destination: bytes, content: Datagram) -> bytes:
    """An IPv4 packet with a UDP packet, as payload of a frame; UDP goes without its optional checksum."""
    udp = _UDP.pack(content.source_port, content.port, _UDP.size + len(content.data), 0) + content.data
    head = (0x45, 0, _IP.size + len(udp), 0, 0x4000, 64, UDP)
    return _IP.pack(*head, checksum(_IP.pack(*head, 0, source, destination)), source, destination) + udp


def checksum(data: bytes) -> int:
    """The Internet checksum of bytes."""
    data += b"\0" * (len(data) & 1)
    total: int = sum(struct.unpack(f">{len(data) >> 1}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


_CHECKSUM_AT = {TCP: 16, UDP: 6}


def ports(packet: bytes, ip: Ip) -> tuple[int, int]:
    """Source and destination port of a TCP or UDP packet; zeros where there are none."""
    if ip.protocol not in _CHECKSUM_AT or not ip.first or ip.end - ip.start < _CHECKSUM_AT[ip.protocol] + 2:
        return 0, 0
    source, destination = struct.unpack_from(">HH", packet, ip.start)
    return source, destination


def with_port(packet: bytes, ip: Ip, port: int, *, source: bool) -> bytes:
    """The packet with another source or destination port, its checksum corrected for it (RFC 1624)."""
    at, sum_at = ip.start + (0 if source else 2), ip.start + _CHECKSUM_AT[ip.protocol]
    changed = bytearray(packet)
    old, = struct.unpack_from(">H", packet, at)
    before, = struct.unpack_from(">H", packet, sum_at)
    struct.pack_into(">H", changed, at, port)
    if before or ip.protocol == TCP:  # zero says that a UDP packet has none
        total = (~before & 0xFFFF) + (~old & 0xFFFF) + port
        total = (total >> 16) + (total & 0xFFFF)
        struct.pack_into(">H", changed, sum_at, ~(total + (total >> 16)) & 0xFFFF)
    return bytes(changed)
