"""UDP ports of the host that lead into the guest: ssh carries no datagrams, so they travel in frames to its agent.

One connection for all of them. A frame is kind, number of the flow, size, and so many bytes; a flow is one client of
one port. The agent speaks first, so that a connection on which nobody is there is known."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from limacore.errors import GuestError
from limacore.forward.rules import Target
from limacore.ssh.mux import Address

HERE, OPEN, DATA, CLOSE = range(4)
_HEADER = struct.Struct(">BIH")

GREETING_TIME = 10.0
"""Seconds for the agent's first frame; under emulation a channel takes 0.1."""

IDLE = 90.0
"""Seconds after which a client that is silent on both ways is forgotten."""

MOST_CLIENTS = 1024
"""Clients of one port; one more takes the place of the one that was silent longest."""

MOST_WAITING = 1 << 20
"""Bytes that wait for a guest which does not read; datagrams beyond are lost, as on any network."""

Deliver = Callable[[bytes], None]


class Tunnel(asyncio.Protocol):
    """The connection to the agent."""

    def __init__(self, lost: Callable[[], None]) -> None:
        self.here: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lost = lost
        self._buffer = bytearray()
        self._flows: dict[int, Deliver] = {}
        self._last = 0

    def open(self, guest: Address, deliver: Deliver) -> int:
        """A new flow to a port of the guest."""
        self._last = self._last % 0xFFFFFFFF + 1
        self._flows[self._last] = deliver
        self._write(OPEN, self._last, f"{guest.host} {guest.port}".encode())
        return self._last

    def send(self, flow: int, data: bytes) -> None:
        """One datagram."""
        if self._transport.get_write_buffer_size() <= MOST_WAITING:
            self._write(DATA, flow, data)

    def shut(self, flow: int) -> None:
        """The flow has ended."""
        if self._flows.pop(flow, None):
            self._write(CLOSE, flow, b"")

    def hang_up(self) -> None:
        """No more of all this, without a word about it."""
        self._lost = _nothing
        self._transport.abort()

    def _write(self, kind: int, flow: int, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(_HEADER.pack(kind, flow, len(data)) + data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        at = 0
        while len(self._buffer) - at >= _HEADER.size:
            kind, flow, size = _HEADER.unpack_from(self._buffer, at)
            if len(self._buffer) - at < _HEADER.size + size:
                break
            at += _HEADER.size + size
            self._take(kind, flow, bytes(self._buffer[at - size:at]))
        del self._buffer[:at]

    def _take(self, kind: int, flow: int, data: bytes) -> None:
        if kind == HERE and not self.here.done():
            self.here.set_result(None)
        elif kind == DATA and (deliver := self._flows.get(flow)):
            deliver(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.here.done():
            self.here.set_exception(GuestError("the guest agent does not take UDP"))
            self.here.exception()
        else:
            self._lost()


def _nothing() -> None:
    return


async def dial(path: Path, lost: Callable[[], None]) -> Tunnel:
    """Connect to the agent's tunnel at `path`; raises GuestError when nobody is there."""
    try:
        async with asyncio.timeout(GREETING_TIME):
            loop = asyncio.get_running_loop()
            _, tunnel = await loop.create_unix_connection(lambda: Tunnel(lost), str(path))
            try:
                await tunnel.here
            except BaseException:
                tunnel.hang_up()
                raise
    except (OSError, TimeoutError) as error:
        raise GuestError("the guest agent does not take UDP", detail=str(error)) from error
    return tunnel


class Listener(asyncio.DatagramProtocol):
    """A UDP port of the host; every address that sends to it is a client with a flow."""

    def __init__(self, tunnel: Tunnel, guest: Address) -> None:
        self._tunnel = tunnel
        self._guest = guest
        self._clients: OrderedDict[Any, tuple[int, float]] = OrderedDict()
        self._sweep: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        flow = self._clients[addr][0] if addr in self._clients else self._welcome(addr)
        self._seen(addr, flow)
        self._tunnel.send(flow, data)

    def error_received(self, exc: Exception) -> None:
        """A client has gone; others have not."""

    def close(self) -> None:
        """Listen no more; every client is forgotten."""
        if self._sweep:
            self._sweep.cancel()
        while self._clients:
            self._forget()
        self._transport.close()

    def _welcome(self, addr: Any) -> int:
        if len(self._clients) >= MOST_CLIENTS:
            self._forget()
        flow = self._tunnel.open(self._guest, lambda data: self._deliver(addr, data))
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(IDLE, self._forget_idle)
        return flow

    def _deliver(self, addr: Any, data: bytes) -> None:
        if addr in self._clients:
            self._seen(addr, self._clients[addr][0])
            self._transport.sendto(data, addr)

    def _seen(self, addr: Any, flow: int) -> None:
        self._clients[addr] = (flow, asyncio.get_running_loop().time())
        self._clients.move_to_end(addr)

    def _forget(self) -> None:
        _, (flow, _) = self._clients.popitem(last=False)
        self._tunnel.shut(flow)

    def _forget_idle(self) -> None:
        loop = asyncio.get_running_loop()
        while self._clients and (oldest := next(iter(self._clients.values()))[1]) + IDLE <= loop.time():
            self._forget()
        self._sweep = loop.call_at(oldest + IDLE, self._forget_idle) if self._clients else None


async def listen(tunnel: Tunnel, target: Target, guest: Address) -> Listener:
    """Forward a UDP port of the host to one of the guest; raises OSError when it is taken."""
    if not target.port:
        raise GuestError("UDP is not forwarded to a unix socket")
    sock = bound(target)
    try:
        _, listener = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Listener(tunnel, guest), sock=sock)
    except BaseException:
        sock.close()
        raise
    return listener


def bound(target: Target) -> socket.socket:
    """A UDP socket at `target`; 0.0.0.0 stands for every address of both families. Raises OSError."""
    every = target.host == "0.0.0.0" and socket.has_ipv6
    sock = socket.socket(socket.AF_INET6 if every or ":" in target.host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if every else 1)
        sock.setblocking(False)
        sock.bind(("::" if every else target.host, target.port))
    except BaseException:
        sock.close()
        raise
    return sock
