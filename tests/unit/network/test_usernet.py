"""A user-v2 network as a process, with its QEMU for the way out, and guests of a few lines plugged into it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address

import msgspec
import pytest
from dnslib import DNSRecord

from limacore.base import http1
from limacore.errors import StateError
from limacore.network import client, dhcp, frames, probe, service
from limacore.network.gateway import MAC
from limacore.network.uplink import Forward
from limacore.network.zones import Record, Zone
from limacore.paths import NetworkPaths
from tests.unit.network.guest import (
    ONE,
    TWO,
    Plug,
    dhcp_packet,
    dhcp_reply,
    tcp_of,
    transport_sum,
    udp_from,
    udp_packet,
)
from tests.unit.network.running import GATEWAY, until, uplink_of

pytestmark = pytest.mark.skipif(not any(map(shutil.which, ("qemu-system-x86_64", "qemu-system-aarch64"))),
                                reason="no QEMU for the way out")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def answer(network: NetworkPaths, target: str) -> http1.Response:
    return http1.request_sync(network.endpoint_sock, target, timeout=30)


def dialled(plug: Plug, port: int) -> tuple[int, int]:
    """Our own and the guest's port of the connection that arrives at a guest when its forward is called."""
    with socket.create_connection(("127.0.0.1", port), 20):
        def wanted(packet: bytes) -> tuple[int, int] | None:
            found = tcp_of(packet)
            return (found[1], found[2]) if found and found[3] == probe.SYN else None

        return plug.until(wanted)


def test_guests_reach_each_other_the_gateway_its_names_and_the_host(network: NetworkPaths, one: Plug) -> None:
    with contextlib.closing(Plug(network.qemu_sock, TWO)) as two:
        two.boot()
        assert [str(IPv4Address(each.address)) for each in (one, two)] == ["192.168.104.1", "192.168.104.3"]
        one.send(frames.packet(TWO, ONE, b"\x88\xb5", b"from one to two"))
        two.until(lambda packet: packet[frames.BODY:] == b"from one to two" or None)
        known = b'{"192.168.104.1":"52:55:55:00:00:01","192.168.104.2":"5a:94:ef:e4:0c:dd",' \
                b'"192.168.104.3":"52:55:55:00:00:02"}'
        assert answer(network, "/services/dhcp/leases").body == answer(network, "/leases").body == known
        assert answer(network, "/cam").body == b'{"52:55:55:00:00:01":1,"52:55:55:00:00:02":2}'

    asyncio.run(client.add_zone(network.endpoint_sock, Zone("internal.", (Record("lima-two", "192.168.104.3"),))))
    question = bytes(DNSRecord.question("lima-two.internal").pack())
    _again(one, udp_packet(ONE, one.address, (GATEWAY, 53), question))
    got = one.until(lambda packet: udp_from(packet, 53))
    assert [str(each.rdata) for each in DNSRecord.parse(got.data).rr] == ["192.168.104.3"]

    syn = probe.segment((one.address, 40000), (GATEWAY, 53), (1, 0), probe.SYN)
    one.send(frames.packet(MAC, ONE, frames.IPV4, syn))
    reply = one.until(lambda packet: packet if (tcp_of(packet) or (0, 0))[1] == 53 else None)
    assert (tcp_of(reply) or (0,) * 4)[3] == probe.SYN | probe.ACK and transport_sum(reply) == 0

    with socket.create_server(("127.0.0.1", 0)) as listener:
        syn = probe.segment((one.address, 40001), (GATEWAY, listener.getsockname()[1]), (1, 0), probe.SYN)
        one.send(frames.packet(MAC, ONE, frames.IPV4, syn))
        listener.settimeout(20)
        listener.accept()[0].close()


def _again(plug: Plug, packet: bytes) -> None:
    """The way out opens a moment after the network: what is sent before is lost, as in life."""
    ping = struct.pack(">BBHHH", 8, 0, 0, 1, 1)
    ping = ping[:2] + struct.pack(">H", frames.checksum(ping)) + ping[4:]
    head = bytearray(frames.udp_payload(plug.address, GATEWAY, frames.Datagram(0, 0, b"")))[:20]
    head[9:12] = b"\x01\0\0"
    head[10:12] = struct.pack(">H", frames.checksum(bytes(head)))
    for _ in range(60):
        plug.send(frames.packet(MAC, plug.mac, frames.IPV4, bytes(head) + ping))
        with contextlib.suppress(AssertionError, TimeoutError):
            plug.until(lambda packet: packet if (ip := frames.ipv4(packet)) and ip.protocol == 1 else None, 0.5)
            plug.send(packet)
            return
    raise AssertionError("the gateway answers no ping")


def test_a_forward_leads_in_survives_the_way_out_and_ends_with_its_guest(network: NetworkPaths, one: Plug) -> None:
    forward = Forward(f"127.0.0.1:{free_port()}", "192.168.104.1:22")
    port = int(forward.local.partition(":")[2])
    asyncio.run(client.expose(network.endpoint_sock, forward))
    assert answer(network, "/services/forwarder/all").body == msgspec.json.encode([forward])
    assert dialled(one, port)[1] == 22
    with pytest.raises(StateError, match="already running"):
        asyncio.run(client.expose(network.endpoint_sock, forward))
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StateError, match="cannot forward"):
        asyncio.run(client.expose(network.endpoint_sock, Forward(f"127.0.0.1:{taken.getsockname()[1]}",
                                                                 "192.168.104.1:23")))

    before = uplink_of(network)
    os.kill(before, signal.SIGKILL)
    until(lambda: uplink_of(network) not in (0, before), "another stack")
    until(lambda: _listens(port), "the forward again")
    assert dialled(one, port)[1] == 22

    asyncio.run(client.unexpose(network.endpoint_sock, forward))
    assert not _listens(port)
    asyncio.run(client.expose(network.endpoint_sock, forward))
    one.close()
    until(lambda: answer(network, "/services/forwarder/all").body == b"[]" and not _listens(port), "no more forward")
    assert service.running(network), "the network goes on"


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def test_what_the_api_refuses_and_how_it_waits(network: NetworkPaths, one: Plug) -> None:
    def post(target: str, body: bytes) -> http1.Response:
        return asyncio.run(http1.request(network.endpoint_sock, target, method="POST", body=body))

    assert answer(network, "/nope").status == 404
    assert answer(network, "/services/forwarder/expose").status == 400
    for body in (b"{", b'{"local":"127.0.0.1:1","remote":"x\\nquit:1"}',
                 b'{"local":":1","remote":"1.2.3.4:5","protocol":"q"}'):
        assert post("/services/forwarder/expose", body).status == 400
    assert post("/services/forwarder/unexpose", b'{"local":"127.0.0.1:9"}').status == 500
    wait = "/extension/wait_port"
    refused = answer(network, wait)
    assert (refused.status, refused.body) == (400, b"invalid ip address: \n")
    assert answer(network, f"{wait}?ip=192.168.104.1&port=x").status == 400
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(answer, network, f"{wait}?ip=192.168.104.1&port=22")
        ip, source, port, _ = one.until(tcp_of)
        reply = probe.segment((one.address, port), (ip.source, source), (5, source + 1), probe.SYN | probe.ACK)
        one.send(frames.packet(MAC, ONE, frames.IPV4, reply))
        assert waiting.result().status == 200
    assert answer(network, f"{wait}?ip=192.168.104.1&port=23&timeout=0.5").status == 408


def test_a_machine_hands_over_a_datagram_socket(network: NetworkPaths) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(network.fd_sock))
        socket.send_fds(connection, [b"x"], [theirs.fileno()])
        theirs.close()
        ours.settimeout(20)
        ours.send(dhcp_packet(TWO, dhcp.DISCOVER)[4:])
        reply = dhcp_reply(frames.prefixed(ours.recv(2000)))
        assert reply and reply[16:20] == IPv4Address("192.168.104.1").packed
