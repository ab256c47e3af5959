"""A guest of a few lines: what it says on the wire, as packets, and a plug into a real network."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from limacore.network import dhcp, frames
from limacore.network.frames import BROADCAST, UDP, Arp, Datagram, Ip
from limacore.network.gateway import MAC as GATEWAY

ONE, TWO = bytes.fromhex("525555000001"), bytes.fromhex("525555000002")
_HEAD = struct.Struct(">BBBBIHH4s4s4s4s16s64s128s4s")
T = TypeVar("T")


def dhcp_question(mac: bytes, kind: int, *, wanted: bytes = b"", server: bytes = b"", own: bytes = frames.ANY) -> bytes:
    options = {53: bytes([kind]), 50: wanted, 54: server}
    packed = b"".join(bytes([code, len(value)]) + value for code, value in options.items() if value)
    head = _HEAD.pack(1, 1, 6, 0, 7, 0, 0, own, *[frames.ANY] * 3, mac.ljust(16, b"\0"), b"", b"", b"\x63\x82\x53\x63")
    return head + packed + b"\xff"


def dhcp_packet(mac: bytes, kind: int, *, wanted: bytes = b"", server: bytes = b"") -> bytes:
    content = Datagram(68, 67, dhcp_question(mac, kind, wanted=wanted, server=server))
    return frames.packet(BROADCAST, mac, frames.IPV4, frames.udp_payload(frames.ANY, b"\xff" * 4, content))


def udp_packet(mac: bytes, source: bytes, to: tuple[bytes, int], data: bytes, port: int = 40000) -> bytes:
    payload = frames.udp_payload(source, to[0], Datagram(port, to[1], data))
    return frames.packet(GATEWAY, mac, frames.IPV4, payload)


def options_of(data: bytes) -> dict[int, bytes]:
    found, rest = {}, data[_HEAD.size:]
    while rest and rest[0] != 255:
        if rest[0]:
            found[rest[0]] = rest[2:2 + rest[1]]
        rest = rest[2 + rest[1]:] if rest[0] else rest[1:]
    return found


class Plug:
    """A machine at the socket of a network."""

    def __init__(self, path: Path, mac: bytes) -> None:
        self.mac = mac
        self.address = frames.ANY
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._splitter = frames.Splitter()
        self._packets: list[bytes] = []

    def send(self, packet: bytes) -> None:
        self._socket.sendall(packet)

    def close(self) -> None:
        self._socket.close()

    def until(self, wanted: Callable[[bytes], T | None], limit: float = 20.0) -> T:
        """The first of what comes in that is wanted; questions for our address are answered meanwhile."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            while self._packets:
                packet = self._packets.pop(0)
                self._answer_arp(packet)
                if (found := wanted(packet)) is not None:
                    return found
            self._socket.settimeout(max(0.01, deadline - time.monotonic()))
            self._packets += self._splitter.feed(self._socket.recv(1 << 16))
        raise AssertionError("what was waited for did not come")

    def _answer_arp(self, packet: bytes) -> None:
        asked = frames.arp(packet)
        if asked and asked.operation == 1 and asked.target_ip == self.address:
            reply = Arp(2, self.mac, self.address, asked.sender, asked.sender_ip)
            self.send(frames.packet(asked.sender, self.mac, frames.ARP, reply.pack()))

    def boot(self) -> dict[int, bytes]:
        """Get an address; the options that came with it."""
        self.send(dhcp_packet(self.mac, dhcp.DISCOVER))
        offered = self.until(dhcp_reply)
        self.send(dhcp_packet(self.mac, dhcp.REQUEST, wanted=offered[16:20], server=options_of(offered)[54]))
        given = self.until(lambda packet: reply if (reply := dhcp_reply(packet)) and reply[242] == dhcp.ACK else None)
        self.address = given[16:20]
        return options_of(given)


def dhcp_reply(packet: bytes) -> bytes | None:
    ip = frames.ipv4(packet)
    content = frames.datagram(packet, ip) if ip else None
    return content.data if content and content.port == 68 else None


def udp_from(packet: bytes, port: int) -> Datagram | None:
    ip = frames.ipv4(packet)
    content = frames.datagram(packet, ip) if ip else None
    return content if content and content.source_port == port else None


def tcp_of(packet: bytes) -> tuple[Ip, int, int, int] | None:
    """Header, ports and flags of a TCP packet."""
    ip = frames.ipv4(packet)
    if ip is None or ip.protocol != frames.TCP:
        return None
    return (ip, *frames.ports(packet, ip), packet[ip.start + 13])


def transport_sum(packet: bytes) -> int:
    """Zero when the checksum of a TCP or UDP packet is right."""
    ip = frames.ipv4(packet)
    assert ip
    if ip.protocol == UDP and packet[ip.start + 6:ip.start + 8] == b"\0\0":
        return 0
    content = packet[ip.start:ip.end]
    return frames.checksum(ip.source + ip.destination + struct.pack(">HH", ip.protocol, len(content)) + content)
