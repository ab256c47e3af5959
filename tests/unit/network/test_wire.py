"""What goes over the wire of a user-v2 network: frames, the switch, leases, DHCP."""

from __future__ import annotations

import struct
from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.errors import UsageError
from limacore.network import dhcp, frames, probe
from limacore.network.frames import BROADCAST, BrokenStream, Splitter
from limacore.network.gateway import MAC
from limacore.network.leases import GATEWAY_MAC, Leases, mac_bytes
from tests.unit.network.bench import DOT, NET, Bench, Wire
from tests.unit.network.guest import ONE, TWO, dhcp_question, options_of, transport_sum, udp_packet


@given(st.lists(st.binary(min_size=14, max_size=300), max_size=12), st.lists(st.integers(1, 700), max_size=12))
def test_a_stream_is_cut_into_the_frames_that_were_put_in(sent: list[bytes], cuts: list[int]) -> None:
    stream, splitter, got = b"".join(frames.prefixed(each) for each in sent), Splitter(), []
    for size in cuts:
        got += splitter.feed(stream[:size])
        stream = stream[size:]
    got += splitter.feed(stream)
    assert [each[4:] for each in got] == sent


def test_a_frame_longer_than_any_ends_the_stream_and_a_short_one_is_dropped() -> None:
    with pytest.raises(BrokenStream):
        Splitter().feed(struct.pack(">I", frames.MOST + 1))
    assert Splitter().feed(frames.prefixed(b"short")) == []


@given(st.binary(max_size=40), st.integers(0, 65535), st.booleans())
def test_a_changed_port_leaves_the_checksum_right(data: bytes, port: int, source: bool) -> None:
    payload = probe.segment((DOT[1], 4711), (DOT[2], 53), (1, 0), probe.SYN)
    packet = frames.packet(MAC, ONE, frames.IPV4, payload)
    ip = frames.ipv4(packet)
    assert ip and transport_sum(packet) == 0
    changed = frames.with_port(packet, ip, port, source=source)
    assert frames.ports(changed, ip) == ((port, 53) if source else (4711, port)) and transport_sum(changed) == 0


def test_the_switch_learns_and_sends_only_where_the_addressee_is() -> None:
    bench = Bench()
    bench.switch.take(bench.one, [frames.packet(TWO, ONE, b"\x88\xb5", b"hello")])
    assert len(bench.two.got) == 1, "not known yet: everybody"
    bench.switch.take(bench.two, [frames.packet(ONE, TWO, b"\x88\xb5", b"there")])
    third = Wire()
    bench.switch.join(third)
    bench.switch.take(bench.one, [frames.packet(TWO, ONE, b"\x88\xb5", b"again")])
    assert len(bench.two.got) == 2 and not third.got
    assert bench.switch.places() == {ONE: 1, TWO: 2}
    gone: list[bytes] = []
    bench.switch.gone = gone.append
    bench.switch.leave(bench.two)
    assert gone == [TWO] and not bench.switch.has(TWO)


def test_nobody_can_take_the_place_of_the_gateway() -> None:
    bench = Bench()
    bench.switch.take(bench.one, [frames.packet(BROADCAST, MAC, b"\x88\xb5", b"it is me")])
    assert not bench.two.got
    bench.switch.take(bench.two, [udp_packet(TWO, DOT[3], (DOT[9], 5), b"out")])
    assert len(bench.up.got) == 1 and not bench.one.got


def test_a_guest_that_invents_addresses_does_not_fill_the_memory() -> None:
    bench = Bench()
    bench.switch.take(bench.one, [frames.packet(MAC, bytes((2, 0, *divmod(n, 256), 0, 0)), b"\x88\xb5", b"")
                                  for n in range(9000)])
    assert len(bench.switch.places()) < 5000


def test_the_lowest_free_address_is_given_and_kept() -> None:
    leases = Leases(NET)
    assert [leases.of(mac) for mac in (ONE, TWO, ONE)] == [DOT[1], DOT[3], DOT[1]]
    assert leases.table() == {"192.168.104.1": "52:55:55:00:00:01", "192.168.104.2": GATEWAY_MAC,
                              "192.168.104.3": "52:55:55:00:00:02"}
    again = Leases(NET, leases.table())
    assert again.of(TWO) == DOT[3] and again.known(ONE) == "192.168.104.1" and again.known(BROADCAST) == ""


def test_leases_that_cannot_be_are_passed_over() -> None:
    kept = {"192.168.104.2": "52:55:55:00:00:09", "192.168.104.255": "52:55:55:00:00:08",
            "10.0.0.1": "52:55:55:00:00:07"}
    assert Leases(NET, kept).table() == {"192.168.104.2": GATEWAY_MAC}
    with pytest.raises(UsageError):
        mac_bytes("52:55")


def test_when_all_are_given_the_absent_one_longest_not_seen_loses_his() -> None:
    leases = Leases(IPv4Network("10.0.0.0/29"))
    macs = [bytes((2, 0, 0, 0, 0, n)) for n in range(5)]
    given = [leases.of(mac) for mac in macs[:4]]
    assert given == [bytes((10, 0, 0, n)) for n in (1, 3, 4, 5)] and leases.of(macs[4]) is None
    leases.of(macs[0])
    assert leases.of(macs[4], present=lambda mac: mac == macs[1]) == given[2]
    assert leases.known(macs[2]) == "" and leases.known(macs[0])


OFFER = dhcp.Offer(DOT[2], NET.netmask.packed, 1500, ("corp.example", "example"))


def test_a_discovery_is_offered_an_address_and_what_goes_with_it() -> None:
    asked = dhcp.parse(dhcp_question(ONE, dhcp.DISCOVER))
    assert asked and asked.mac == ONE
    reply = dhcp.answer(asked, DOT[1], OFFER)
    assert reply[16:20] == DOT[1] and len(reply) >= 300
    assert options_of(reply) == {
        53: bytes([dhcp.OFFER]), 54: DOT[2], 1: b"\xff\xff\xff\0", 3: DOT[2], 6: DOT[2], 26: b"\x05\xdc",
        51: struct.pack(">I", 3600), 119: b"\x04corp\x07example\0\x07example\0",
    }  # fmt: skip


@pytest.mark.parametrize("question, kind", [
    (dhcp_question(ONE, dhcp.REQUEST, wanted=DOT[1], server=DOT[2]), dhcp.ACK),
    (dhcp_question(ONE, dhcp.REQUEST, own=DOT[1]), dhcp.ACK),
    (dhcp_question(ONE, dhcp.REQUEST, wanted=DOT[9]), dhcp.NAK),
    (dhcp_question(ONE, dhcp.REQUEST, wanted=DOT[1], server=DOT[9]), 0),
    (dhcp_question(ONE, dhcp.INFORM, own=DOT[1]), dhcp.ACK),
    (dhcp_question(ONE, 7, own=DOT[1]), 0),
])
def test_what_a_request_is_answered(question: bytes, kind: int) -> None:
    asked = dhcp.parse(question)
    assert asked
    reply = dhcp.answer(asked, DOT[1], OFFER)
    assert (options_of(reply)[53] if reply else b"\0") == bytes([kind])


def test_search_domains_that_do_not_fit_are_left_out() -> None:
    assert len(dhcp.searched([f"{'x' * 60}.example"] * 9)) <= 255


