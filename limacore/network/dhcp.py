"""DHCP as far as a network of guests needs it: what a client asks, and the answer to it, as bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from msgspec import Struct

from limacore.network.frames import ANY

SERVER_PORT, CLIENT_PORT = 67, 68
DISCOVER, OFFER, REQUEST, ACK, NAK, INFORM = 1, 2, 3, 5, 6, 8
LEASE_TIME = 3600
"""Seconds for which an address is given; as in the reference tool."""

_HEAD = struct.Struct(">BBBBIHH4s4s4s4s16s64s128s4s")
_COOKIE = b"\x63\x82\x53\x63"
_TO_CLIENT, _TO_SERVER = 2, 1
_MASK, _ROUTER, _DNS, _REQUESTED, _TIME, _KIND, _SERVER, _MTU, _SEARCH = 1, 3, 6, 50, 51, 53, 54, 26, 119
_PAD, _END = 0, 255
_SMALLEST = 300
"""Bytes of an answer at least: BOOTP clients take no shorter one."""

_MOST_OPTION = 255


class Asked(Struct, frozen=True):
    """What a client sent."""

    kind: int
    transaction: int
    flags: int
    mac: bytes
    own: bytes
    """The address that it has already; zeros for none."""
    wanted: bytes = ANY
    server: bytes = ANY
    """The server that it means; zeros for any."""


class Offer(Struct, frozen=True):
    """What a network gives to its guests."""

    server: bytes
    mask: bytes
    mtu: int = 1500
    search: tuple[str, ...] = ()


def parse(data: bytes) -> Asked | None:
    """The question in a datagram; None when it is none."""
    if len(data) < _HEAD.size:
        return None
    operation, kind, size, _, transaction, _, flags, own, _, _, _, mac, _, _, cookie = _HEAD.unpack_from(data)
    if (operation, kind, size, cookie) != (_TO_SERVER, 1, 6, _COOKIE):
        return None
    options = dict(_options(data[_HEAD.size:]))
    asked = options.get(_KIND, b"")
    if len(asked) != 1:
        return None
    return Asked(asked[0], transaction, flags, mac[:6], own, _address(options.get(_REQUESTED)),
                 _address(options.get(_SERVER)))


def _options(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data) and data[at] != _END:
        if data[at] == _PAD:
            at += 1
        elif at + 1 < len(data) and at + 2 + data[at + 1] <= len(data):
            yield data[at], data[at + 2:at + 2 + data[at + 1]]
            at += 2 + data[at + 1]
        else:
            return


def _address(value: bytes | None) -> bytes:
    return value if value and len(value) == 4 else ANY


def answer(asked: Asked, address: bytes, offer: Offer) -> bytes:
    """What to send back, with `address` for the client; empty when nothing is to be said."""
    if asked.kind == DISCOVER:
        return _reply(asked, OFFER, address, _settings(offer, leased=True))
    if asked.kind == INFORM:
        return _reply(asked, ACK, ANY, _settings(offer, leased=False))
    if asked.kind != REQUEST or asked.server not in (ANY, offer.server):
        return b""
    wanted = asked.wanted if asked.wanted != ANY else asked.own
    if wanted not in (ANY, address):
        return _reply(asked, NAK, ANY, [(_SERVER, offer.server)])
    return _reply(asked, ACK, address, _settings(offer, leased=True))


def _settings(offer: Offer, *, leased: bool) -> list[tuple[int, bytes]]:
    found = [(_SERVER, offer.server), (_MASK, offer.mask), (_ROUTER, offer.server), (_DNS, offer.server),
             (_MTU, struct.pack(">H", offer.mtu))]
    if leased:
        found.append((_TIME, struct.pack(">I", LEASE_TIME)))
    search = searched(offer.search)
    return [*found, (_SEARCH, search)] if search else found


def searched(domains: Sequence[str]) -> bytes:
    """Search domains as names of DNS one after another, as many as one option holds."""
    packed = b""
    for domain in domains:
        labels = [label.encode("idna") for label in domain.split(".") if label]
        name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
        if len(packed) + len(name) > _MOST_OPTION:
            break
        packed += name
    return packed


def _reply(asked: Asked, kind: int, address: bytes, options: Sequence[tuple[int, bytes]]) -> bytes:
    own = ANY if kind == NAK else asked.own
    head = _HEAD.pack(_TO_CLIENT, 1, 6, 0, asked.transaction, 0, asked.flags, own, address, ANY, ANY,
                      asked.mac.ljust(16, b"\0"), b"", b"", _COOKIE)
    given = [(_KIND, bytes([kind])), *options]
    body = b"".join(bytes([code, len(value)]) + value for code, value in given) + bytes([_END])
    return (head + body).ljust(_SMALLEST, b"\0")
