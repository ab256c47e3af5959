"""The second address of a user-v2 network: it gives addresses, names things, and leads out through the uplink.

The uplink is a user-mode network stack (slirp) that never sees the guests' broadcasts: addresses are given here. It
has a loopback of its own for the gateway's address, so port 53 there is made the port of our name server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from limacore.network import dhcp, frames, probe
from limacore.network.frames import BROADCAST, TCP, UDP, Arp, Datagram, Ip
from limacore.network.leases import GATEWAY_MAC, Leases, mac_bytes
from limacore.network.switch import Switch

DNS_PORT = 53
MAC = mac_bytes(GATEWAY_MAC)
SendUp = Callable[[Sequence[bytes]], None]


class Gateway:
    """A port of the switch."""

    def __init__(self, switch: Switch, leases: Leases, send_up: SendUp, *, mtu: int = 1500,
                 search: tuple[str, ...] = (), dns_ports: tuple[int, int] = (DNS_PORT, DNS_PORT)) -> None:
        self._switch = switch
        self._leases = leases
        self._send_up = send_up
        self._address = leases.gateway
        self._offer = dhcp.Offer(leases.gateway, leases.network.netmask.packed, mtu, search)
        self._to_server = dict(zip((UDP, TCP), dns_ports, strict=True))
        self._probes = probe.Probes()
        switch.join(self, gateway=True)

    def send(self, packets: Sequence[bytes]) -> None:
        """Take what guests send to the gateway or to everybody."""
        upward, answers = list[bytes](), list[bytes]()
        for packet in packets:
            if packet[frames.KIND] == frames.ARP:
                asked = frames.arp(packet)
                if asked and asked.sender == packet[frames.SOURCE]:
                    self._leases.take_over(asked.sender, asked.sender_ip)
                if asked and asked.target_ip == self._address:
                    (answers if asked.operation == 1 else upward).append(self._arp(packet, asked))
            elif ip := frames.ipv4(packet):
                self._take_ip(packet, ip, upward, answers)
        if answers:
            self._switch.take(self, answers)
        if upward:
            self._send_up(upward)

    def _arp(self, packet: bytes, asked: Arp) -> bytes:
        """Our answer to a question; an answer to one of the uplink's as it is."""
        if asked.operation != 1:
            return packet
        reply = Arp(2, MAC, self._address, asked.sender, asked.sender_ip)
        return frames.packet(asked.sender, MAC, frames.ARP, reply.pack())

    def _take_ip(self, packet: bytes, ip: Ip, upward: list[bytes], answers: list[bytes]) -> None:
        source, port = frames.ports(packet, ip)
        if ip.protocol == UDP and port == dhcp.SERVER_PORT:
            answers += self._dhcp(packet, ip)
        elif packet[frames.DESTINATION] == MAC and self._probes.meant(ip, port):
            answers += self._end_probe(packet, ip, (source, port))
        elif packet[frames.DESTINATION] == MAC:
            if port == DNS_PORT and ip.destination == self._address:
                packet = frames.with_port(packet, ip, self._to_server[ip.protocol], source=False)
            upward.append(packet)

    def _dhcp(self, packet: bytes, ip: Ip) -> list[bytes]:
        content = frames.datagram(packet, ip)
        asked = dhcp.parse(content.data) if content else None
        if asked is None:
            return []
        address = self._leases.of(asked.mac, present=self._switch.has)
        data = dhcp.answer(asked, address, self._offer) if address else b""
        if not data:
            return []
        to = asked.own if asked.own != frames.ANY else b"\xff" * 4
        reply = Datagram(dhcp.SERVER_PORT, dhcp.CLIENT_PORT, data)
        return [frames.packet(packet[frames.SOURCE], MAC, frames.IPV4, frames.udp_payload(self._address, to, reply))]

    async def listens(self, address: bytes, port: int, timeout: float) -> bool:
        """Whether a guest answers a connection to a TCP port within `timeout` seconds."""
        mac = self._leases.mac_of(address)
        if mac is None:
            await asyncio.sleep(timeout)
            return False
        own, answered = self._probes.begin()
        first = probe.segment((self._address, own), (address, port), (own, 0), probe.SYN)
        self._switch.take(self, [frames.packet(mac, MAC, frames.IPV4, first)])
        try:
            async with asyncio.timeout(timeout):
                return await answered
        except TimeoutError:
            return False
        finally:
            self._probes.end(own)

    def _end_probe(self, packet: bytes, ip: Ip, ports: tuple[int, int]) -> list[bytes]:
        guest, own = ports
        number = self._probes.take(packet, ip, own)
        if number < 0:
            return []
        last = probe.segment((self._address, own), (ip.source, guest), (number, 0), probe.RST)
        return [frames.packet(packet[frames.SOURCE], MAC, frames.IPV4, last)]

    def from_above(self, packets: Sequence[bytes]) -> None:
        """Take what the uplink sends: it answers guests, asks who they are, and brings forwarded connections."""
        downward, upward = [], []
        for packet in packets:
            if asked := frames.arp(packet):
                mac = self._leases.mac_of(asked.target_ip)
                if asked.operation != 1 or asked.target_ip == self._address:
                    continue
                if mac is None:  # an address that we did not give: its owner may answer
                    everybody = Arp(1, MAC, self._address, asked.target, asked.target_ip)
                    downward.append(frames.packet(BROADCAST, MAC, frames.ARP, everybody.pack()))
                else:
                    reply = Arp(2, mac, asked.target_ip, asked.sender, asked.sender_ip)
                    upward.append(frames.packet(packet[frames.SOURCE], mac, frames.ARP, reply.pack()))
            elif ip := frames.ipv4(packet):
                downward.append(self._downward(packet, ip))
        if upward:
            self._send_up(upward)
        if downward:
            self._switch.take(self, downward)

    def _downward(self, packet: bytes, ip: Ip) -> bytes:
        # The uplink remembers for ever who had an address; we know who has it now.
        mac = self._leases.mac_of(ip.destination) or packet[frames.DESTINATION]
        source, _ = frames.ports(packet, ip)
        if source and ip.source == self._address and source == self._to_server[ip.protocol]:
            packet = frames.with_port(packet, ip, DNS_PORT, source=True)
        return packet[:frames.PREFIX] + mac + MAC + packet[frames.KIND.start:]
