"""A switch with two guests and a gateway, on no socket at all."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network

from limacore.network import dhcp
from limacore.network.gateway import MAC, Gateway
from limacore.network.leases import Leases
from limacore.network.switch import Switch
from tests.unit.network.guest import dhcp_packet, dhcp_reply

NET = IPv4Network("192.168.104.0/24")
DOT = {number: bytes((192, 168, 104, number)) for number in (1, 2, 3, 9, 255)}


class Wire:
    """A port that keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[bytes] = []

    def send(self, packets: Sequence[bytes]) -> None:
        self.got += packets


class Bench:
    """A switch with two guests and a gateway, whose uplink is a list."""

    def __init__(self, **known: str) -> None:
        self.switch = Switch(MAC)
        self.leases = Leases(NET, known)
        self.up = Wire()
        self.gateway = Gateway(self.switch, self.leases, self.up.send, dns_ports=(5301, 5302), search=("corp.example",))
        self.one, self.two = Wire(), Wire()
        for wire in (self.one, self.two):
            self.switch.join(wire)

    def boot(self, wire: Wire, mac: bytes) -> bytes:
        """Give a guest its address; the reply."""
        self.switch.take(wire, [dhcp_packet(mac, dhcp.REQUEST)])
        reply = dhcp_reply(wire.got.pop())
        assert reply
        return reply


