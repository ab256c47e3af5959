"""The gateway of a user-v2 network: what it answers itself, what goes up, what comes down; and the names it knows."""

from __future__ import annotations

import asyncio

import pytest
from dnslib import QTYPE, RCODE, DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from limacore.network import dhcp, frames, names, probe
from limacore.network.dns import Manner
from limacore.network.dns import Zone as DnsZone
from limacore.network.frames import BROADCAST, Arp, Splitter
from limacore.network.gateway import MAC
from limacore.network.zones import Record, Zone, Zones, split
from tests.unit.network.bench import DOT, Bench
from tests.unit.network.guest import ONE, TWO, dhcp_packet, options_of, tcp_of, transport_sum, udp_from, udp_packet


def test_the_gateway_answers_for_its_address_and_for_no_other() -> None:
    bench = Bench()
    for target in (DOT[2], DOT[9]):
        asked = Arp(1, ONE, DOT[1], b"\0" * 6, target)
        bench.switch.take(bench.one, [frames.packet(BROADCAST, ONE, frames.ARP, asked.pack())])
    assert [frames.arp(each) for each in bench.one.got] == [Arp(2, MAC, DOT[2], ONE, DOT[1])]
    assert not bench.up.got


def test_a_guest_that_has_an_address_already_keeps_it() -> None:
    """As one that was suspended while its network ended: it asks for no address when it goes on."""
    bench = Bench()
    for wire, mac, address in ((bench.one, ONE, DOT[9]), (bench.two, TWO, DOT[9]), (bench.two, TWO, DOT[255])):
        asked = Arp(1, mac, address, b"\0" * 6, DOT[2])
        bench.switch.take(wire, [frames.packet(BROADCAST, mac, frames.ARP, asked.pack())])
    assert bench.leases.known(ONE) == "192.168.104.9" and not bench.leases.known(TWO)
    assert bench.boot(bench.two, TWO)[16:20] == DOT[1]


def test_a_guest_gets_its_address_and_no_dhcp_goes_up() -> None:
    bench = Bench()
    assert bench.boot(bench.one, ONE)[16:20] == DOT[1] and bench.boot(bench.two, TWO)[16:20] == DOT[3]
    assert not bench.up.got and options_of(bench.boot(bench.one, ONE))[119] == b"\x04corp\x07example\0"


def test_the_name_server_of_the_gateway_is_a_port_of_the_host() -> None:
    bench = Bench()
    bench.boot(bench.one, ONE)
    bench.switch.take(bench.one, [udp_packet(ONE, DOT[1], (DOT[2], 53), b"question")])
    syn = probe.segment((DOT[1], 40000), (DOT[2], 53), (1, 0), probe.SYN)
    bench.switch.take(bench.one, [frames.packet(MAC, ONE, frames.IPV4, syn)])
    udp, tcp = bench.up.got
    assert [frames.ports(each, ip)[1] for each in (udp, tcp) if (ip := frames.ipv4(each))] == [5301, 5302]
    assert transport_sum(tcp) == 0
    answer = frames.packet(BROADCAST, b"\x52" * 6, frames.IPV4,
                           frames.udp_payload(DOT[2], DOT[1], frames.Datagram(5301, 40000, b"answer")))
    bench.gateway.from_above([answer])
    got = bench.one.got.pop()
    assert udp_from(got, 53) and got[frames.SOURCE] == MAC and got[frames.DESTINATION] == ONE


def test_the_uplink_is_told_whose_an_address_is_now() -> None:
    bench = Bench()
    bench.boot(bench.one, ONE)
    asked = frames.packet(BROADCAST, b"\x52" * 6, frames.ARP, Arp(1, b"\x52" * 6, DOT[2], b"\0" * 6, DOT[1]).pack())
    bench.gateway.from_above([asked])
    assert frames.arp(bench.up.got.pop()) == Arp(2, ONE, DOT[1], b"\x52" * 6, DOT[2])
    stranger = frames.packet(BROADCAST, b"\x52" * 6, frames.ARP, Arp(1, b"\x52" * 6, DOT[2], b"\0" * 6, DOT[9]).pack())
    bench.gateway.from_above([stranger])
    assert not bench.up.got
    flooded = frames.arp(bench.two.got.pop())
    assert flooded and flooded.sender == MAC and flooded.target_ip == DOT[9]


@pytest.mark.parametrize("flags, listens", [(probe.SYN | probe.ACK, True), (probe.RST | probe.ACK, False)])
async def test_a_port_of_a_guest_is_looked_at(flags: int, listens: bool) -> None:
    bench = Bench()
    bench.boot(bench.one, ONE)
    looking = asyncio.ensure_future(bench.gateway.listens(DOT[1], 22, 10))
    await asyncio.sleep(0)
    asked = bench.one.got.pop()
    ip, own, port, said = tcp_of(asked) or (None, 0, 0, 0)
    assert ip and (port, said) == (22, probe.SYN) and transport_sum(asked) == 0
    answer = probe.segment((DOT[1], 22), (DOT[2], own), (9, own + 1), flags)
    bench.switch.take(bench.one, [frames.packet(MAC, ONE, frames.IPV4, answer)])
    assert await looking is listens
    assert [(tcp_of(each) or (0, 0, 0, 0))[3] for each in bench.one.got] == ([probe.RST] if listens else [])
    assert not bench.up.got, "the answer to us is none of the uplink's business"
    assert not await bench.gateway.listens(DOT[9], 22, 0.01), "nobody has this address"


@given(st.lists(st.binary(max_size=120), max_size=4), st.sampled_from([frames.ARP, frames.IPV4, b"\x86\xdd"]))
def test_no_frame_of_a_guest_or_of_the_uplink_upsets_the_gateway(bodies: list[bytes], kind: bytes) -> None:
    bench = Bench()
    packets = [frames.packet(MAC, ONE, kind, body) for body in bodies]
    bench.switch.take(bench.one, packets)
    bench.gateway.from_above(packets)


@given(st.integers(0, 330), st.integers(0, 255), st.integers(0, 340))
def test_nor_does_a_damaged_one(at: int, value: int, length: int) -> None:
    bench = Bench()
    for whole in (dhcp_packet(ONE, dhcp.DISCOVER),
                  frames.packet(MAC, ONE, frames.IPV4, probe.segment((DOT[1], 9), (DOT[2], 53), (1, 0), probe.SYN))):
        frame = bytearray(whole[4:])
        frame[at % len(frame)] = value
        for packet in Splitter().feed(frames.prefixed(bytes(frame[:length]))):
            bench.switch.take(bench.one, [packet])
            bench.gateway.from_above([packet])


def test_names_are_split_into_zones_at_the_last_label() -> None:
    assert split({"lima-a.internal": "1.2.3.4", "x.y.internal": "1.2.3.5", "bare": "1.2.3.6"}) == [
        Zone("internal.", (Record("lima-a", "1.2.3.4"), Record("x.y", "1.2.3.5"))),
        Zone("bare.", (Record("", "1.2.3.6"),)),
    ]


def test_the_newest_address_of_a_name_counts() -> None:
    zones = Zones()
    zones.add(Zone("internal.", (Record("lima-a", "1.1.1.1"), Record("broken", ""))))
    zones.add(Zone("Internal.", (Record("LIMA-A", "2.2.2.2"), Record("b", "3.3.3.3"))))
    zones.add(Zone("bare.", (Record("", "4.4.4.4"),)))
    zones.add(Zone("all.example.", (), "5.5.5.5"))
    assert dict(zones) == {"lima-a.internal": "2.2.2.2", "b.internal": "3.3.3.3", "bare": "4.4.4.4"}
    assert zones["anything.all.example"] == "5.5.5.5" and "broken.internal" not in zones
    assert [each.name for each in zones.all()] == ["all.example.", "bare.", "internal."]


async def test_questions_are_answered_as_recorded() -> None:
    """golden/runtime/dns/user-v2-from-guest.tsv: TTL 0, flags qr, rd, ra; AAAA is empty."""
    zones = Zones()
    zones.add(Zone("internal.", (Record("lima-rv1", "192.168.104.1"),)))
    server = DnsZone(zones, manner=Manner(0, recursion=True), closed="internal")

    async def ask(name: str, kind: str) -> DNSRecord:
        return DNSRecord.parse(await server.answer(bytes(DNSRecord.question(name, kind).pack()), tcp=False))

    known = await ask("lima-rv1.internal", "A")
    assert [(str(each.rdata), each.ttl) for each in known.rr] == [("192.168.104.1", 0)]
    assert (known.header.ra, known.header.rd, known.header.aa, known.q.qtype) == (1, 1, 0, QTYPE.A)
    six = await ask("lima-rv1.internal", "AAAA")
    assert (six.header.rcode, six.rr) == (RCODE.NOERROR, [])
    assert (await ask("nobody.internal", "A")).header.rcode == RCODE.NXDOMAIN


def test_a_machine_has_its_own_addresses_in_its_table() -> None:
    table = names.table({"alias": "lima-a.internal"}, "a", "192.168.104.2", "192.168.104.1")
    assert table["host.lima.internal"] == "192.168.104.2" and names.follow(table, "alias") == "192.168.104.1"
