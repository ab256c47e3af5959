"""The HTTP API of a user-v2 network at `NAME_ep.sock`, as the reference tool's host agents and people use it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import AddressValueError, IPv4Address
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from limacore.base.http1 import Handler, Request, Response
from limacore.errors import StateError
from limacore.network.gateway import Gateway
from limacore.network.leases import Leases, mac_text
from limacore.network.switch import Switch
from limacore.network.uplink import Forward, Uplink
from limacore.network.zones import Zone, Zones

TEXT = "text/plain; charset=utf-8"
WAIT_TIME, WAIT_AGAIN = 10.0, 1.0
"""Seconds that a port is waited for unless the request says, and between two looks."""

MOST_WAIT = 3600.0
_LOCAL, _REMOTE = re.compile(r"[\d.]*:\d{1,5}"), re.compile(r"[\d.]+:\d{1,5}")
_PROTOCOLS = ("tcp", "udp")
T = TypeVar("T")


class Parts(Struct, frozen=True):
    """What the API shows and changes."""

    switch: Switch
    leases: Leases
    zones: Zones
    gateway: Gateway
    uplink: Uplink


def handler(parts: Parts) -> Handler:
    """Answers requests."""
    reads: Mapping[str, Callable[[], object]] = {
        "/services/forwarder/all": parts.uplink.forwards,
        "/services/dhcp/leases": parts.leases.table,
        "/services/dns/all": parts.zones.all,
        "/leases": parts.leases.table,
        "/cam": lambda: {mac_text(mac): number for mac, number in parts.switch.places().items()},
        "/stats": lambda: {"BytesSent": parts.switch.bytes, "BytesReceived": parts.switch.bytes},
    }
    changes: Mapping[str, Callable[[bytes], Awaitable[None]]] = {
        "/services/forwarder/expose": lambda body: _expose(parts.uplink, body),
        "/services/forwarder/unexpose": lambda body: _unexpose(parts.uplink, body),
        "/services/dns/add": lambda body: _add(parts.zones, body),
    }

    async def answer(request: Request) -> Response:
        if request.path in reads:
            return _said(200, msgspec.json.encode(reads[request.path]()))
        if request.path == "/extension/wait_port":
            return await _wait(parts.gateway, request.query)
        if request.path not in changes:
            return _said(404, b"404 page not found\n")
        if request.method != "POST":
            return _said(400, b"post only\n")
        return await _changed(changes[request.path], request.body)

    return answer


async def _changed(change: Callable[[bytes], Awaitable[None]], body: bytes) -> Response:
    try:
        await change(body)
    except ValueError as error:
        return _said(400, f"{error}\n".encode())
    except StateError as error:
        return _said(500, f"{error}\n".encode())
    return _said(200, b"")


def _said(status: int, body: bytes) -> Response:
    return Response(status, body, TEXT)


def _decoded(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


async def _expose(uplink: Uplink, body: bytes) -> None:
    forward = _decoded(body, Forward)
    if not _LOCAL.fullmatch(forward.local) or not _REMOTE.fullmatch(forward.remote):
        raise ValueError(f"cannot forward {forward.local!r} to {forward.remote!r}: both are ADDRESS:PORT")
    _require_known(forward.protocol)
    await uplink.expose(forward)


def _require_known(protocol: str) -> None:
    if protocol not in _PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}: it is one of {', '.join(_PROTOCOLS)}")


async def _unexpose(uplink: Uplink, body: bytes) -> None:
    asked = _decoded(body, dict[str, str])
    protocol = asked.get("protocol", "tcp")
    _require_known(protocol)
    await uplink.unexpose(protocol, asked.get("local", ""))


async def _add(zones: Zones, body: bytes) -> None:
    zones.add(_decoded(body, Zone))


async def _wait(gateway: Gateway, query: Mapping[str, Any]) -> Response:
    """200 as soon as a guest listens on a port, 408 when it does not in time."""
    try:
        address = IPv4Address(query.get("ip", "")).packed
    except AddressValueError:
        return _said(400, f"invalid ip address: {query.get('ip', '')}\n".encode())
    try:
        port, limit = int(query.get("port", "")), float(query.get("timeout", WAIT_TIME))
    except ValueError:
        return _said(400, b"invalid port or timeout\n")
    if not 0 < port < 1 << 16 or not 0 < limit <= MOST_WAIT:
        return _said(400, b"invalid port or timeout\n")
    try:
        async with asyncio.timeout(limit):
            while not await gateway.listens(address, port, WAIT_AGAIN):  # noqa: ASYNC110  a guest tells nobody
                await asyncio.sleep(WAIT_AGAIN)
    except TimeoutError:
        return _said(408, b"timeout\n")
    return _said(200, b"")
