"""Network cards whose frames travel through this process or a daemon: pairs of datagram sockets, a frame a datagram."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from limacore.drivers.vz.plan import Card, FrameSocket, StreamSocket
from limacore.errors import DriverError

_LENGTH = struct.Struct(">I")
_LARGEST = 1 << 16
_SEND, _RECEIVE = 1 << 20, 4 << 20
"""Sizes of the buffers of a pair, in the proportion that the framework asks for."""


@contextlib.asynccontextmanager
async def connected(cards: Sequence[Card], *, carry: bool = True) -> AsyncIterator[dict[int, int]]:
    """Index of each card that needs one -> the descriptor for its frames; raises DriverError when nobody takes them.

    Without `carry` the machine itself talks to daemons that want streams."""
    async with contextlib.AsyncExitStack() as stack:
        found: dict[int, int] = {}
        for index, card in enumerate(cards):
            if isinstance(card.to, FrameSocket):
                ours, theirs = _pair(stack)
                _hand_over(card.to.path, theirs)
                theirs.close()
                found[index] = ours.fileno()
            elif carry and isinstance(card.to, StreamSocket):
                ours, theirs = _pair(stack)
                await stack.enter_async_context(_carried(card.to.path, theirs))
                found[index] = ours.fileno()
        yield found


def _pair(stack: contextlib.AsyncExitStack) -> tuple[socket.socket, socket.socket]:
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for each in pair:
        stack.enter_context(each)
        with contextlib.suppress(OSError):  # a system that gives less still works
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE)
    return pair


def _hand_over(path: Path, end: socket.socket) -> None:
    with _connected_to(path) as connection:
        socket.send_fds(connection, [b"\0"], [end.fileno()])


def _connected_to(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except OSError as error:
        connection.close()
        raise DriverError("a network is not running", detail=f"`{path}`: {error.strerror or error}",
                          hint="start its daemon, or remove the network from lima.yaml") from error
    return connection


@contextlib.asynccontextmanager
async def _carried(path: Path, end: socket.socket) -> AsyncIterator[None]:
    """Carry frames between a pair and a daemon until the block ends."""
    reader, writer = await asyncio.open_unix_connection(sock=_connected_to(path))
    end.setblocking(False)
    tasks = (asyncio.create_task(_to_daemon(end, writer)), asyncio.create_task(_from_daemon(reader, end)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.close()


async def _to_daemon(end: socket.socket, writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    while frame := await loop.sock_recv(end, _LARGEST):
        writer.write(_LENGTH.pack(len(frame)) + frame)
        await writer.drain()


async def _from_daemon(reader: asyncio.StreamReader, end: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(asyncio.IncompleteReadError):
        while True:
            (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
            frame = await reader.readexactly(length)
            try:
                await loop.sock_sendall(end, frame)
            except OSError as error:
                if error.errno not in (errno.ENOBUFS, errno.EMSGSIZE):
                    raise  # else the frame is dropped, as networks do
