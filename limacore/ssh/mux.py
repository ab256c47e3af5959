"""The protocol of an OpenSSH ControlMaster socket: ask a master without starting an ssh process.

One `ssh -O forward` costs 10-30 ms; a request on an open connection costs less than one.
Source: PROTOCOL.mux of OpenSSH (version 4 of the protocol, since OpenSSH 5.4)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from msgspec import Struct

from limacore.errors import GuestError

VERSION = 4
HELLO = 0x00000001
NEW_SESSION, ALIVE_CHECK, TERMINATE = 0x10000002, 0x10000004, 0x10000005
OPEN_FORWARD, CLOSE_FORWARD = 0x10000006, 0x10000007
OK, DENIED, FAILURE, EXIT = 0x80000001, 0x80000002, 0x80000003, 0x80000004
ALIVE, SESSION_OPENED, REMOTE_PORT, TTY_FAILED = 0x80000005, 0x80000006, 0x80000007, 0x80000008
LOCAL, REMOTE = 1, 2
_UNIX = 0xFFFFFFFE  # PORT_STREAMLOCAL: the host beside it is a path
_NO_ESCAPE = 0xFFFFFFFF
_LONGEST = 256 << 10

Field = int | str


class Address(Struct, frozen=True):
    """One end of a forward: a host and port, or with port 0 a unix socket."""

    host: str
    port: int = 0

    def fields(self) -> tuple[Field, Field]:
        """As they stand in a message."""
        return (self.host, self.port or _UNIX)

    def __str__(self) -> str:
        if not self.port:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Message(Struct, frozen=True):
    """One message of the master: kind, and its body after the kind."""

    kind: int
    body: bytes

    def number(self, index: int) -> int:
        """The `index`-th 32-bit number, counted as if the body had numbers only."""
        return int(struct.unpack_from(">I", self.body, 4 * index)[0]) if len(self.body) >= 4 * index + 4 else 0

    def text(self, offset: int) -> str:
        """The string that starts `offset` bytes into the body."""
        if len(self.body) < offset + 4:
            return ""
        size = struct.unpack_from(">I", self.body, offset)[0]
        return self.body[offset + 4:offset + 4 + size].decode(errors="replace")


def pack(kind: int, *fields: Field) -> bytes:
    """One message as bytes: length, kind, then numbers and length-prefixed strings."""
    body = struct.pack(">I", kind) + b"".join(_field(each) for each in fields)
    return struct.pack(">I", len(body)) + body


def _field(value: Field) -> bytes:
    if isinstance(value, int):
        return struct.pack(">I", value)
    raw = value.encode()
    return struct.pack(">I", len(raw)) + raw


class MuxError(GuestError):
    """The master refused or is not there."""


class Mux:
    """A connection to a master; requests are answered one at a time. Not for use by two tasks at once."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()
        self._last = 0

    @classmethod
    async def connect(cls, path: Path, timeout: float = 5.0) -> Self:
        """Greet the master at `path`; raises MuxError when nobody answers there."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        sock.setblocking(False)
        mux = cls(sock)
        try:
            async with asyncio.timeout(timeout):
                await asyncio.get_running_loop().sock_connect(sock, os.fspath(path))
                await mux._greet()
        except (OSError, TimeoutError) as error:
            mux.close()
            raise MuxError(f"the ssh master at `{path}` does not answer", detail=str(error)) from error
        except BaseException:
            mux.close()
            raise
        return mux

    def close(self) -> None:
        """Hang up; forwards that were opened stay."""
        self._sock.close()

    async def alive(self, timeout: float = 5.0) -> int:
        """The master's process id; raises MuxError."""
        return (await self._ask(timeout, ALIVE, ALIVE_CHECK)).number(1)

    async def terminate(self, timeout: float = 2.0) -> None:
        """End the master, which may go without an answer; raises MuxError when it does neither in time."""
        try:
            async with asyncio.timeout(timeout):
                await self._send(pack(TERMINATE, self._last + 1))
                await self._receive()
        except TimeoutError as error:
            raise MuxError(f"the ssh master did not end within {timeout:.0f} s") from error
        except OSError:
            return

    async def open_forward(self, listen: Address, connect: Address, *, kind: int = LOCAL,
                           timeout: float = 10.0) -> None:
        """Have the master listen (LOCAL: here, REMOTE: in the guest); raises MuxError."""
        await self._ask(timeout, OK, OPEN_FORWARD, kind, *listen.fields(), *connect.fields())

    async def close_forward(self, listen: Address, connect: Address, *, kind: int = LOCAL,
                            timeout: float = 10.0) -> None:
        """Undo `open_forward` with the same values; raises MuxError."""
        await self._ask(timeout, OK, CLOSE_FORWARD, kind, *listen.fields(), *connect.fields())

    async def session(self, command: str, fds: Sequence[int], timeout: float | None, *, agent: bool = False) -> int:
        """Run `command` with the three descriptors as its input and outputs; its exit code, 255 when it has none.

        With `agent` the session has the ssh agent of the master, if that lends it."""
        request = (NEW_SESSION, 0, "", 0, 0, int(agent), 0, _NO_ESCAPE, "", command)
        try:
            async with asyncio.timeout(timeout):
                self._last += 1
                await self._send(pack(request[0], self._last, *request[2:]))
                for fd in fds:
                    socket.send_fds(self._sock, [b"\0"], [fd])
                _expect(await self._receive(), SESSION_OPENED)
                return await self._session_end()
        except TimeoutError as error:
            raise MuxError(f"a command in the guest did not end within {timeout:.0f} s") from error
        except OSError as error:
            raise MuxError("the ssh master went away", detail=str(error)) from error

    async def _session_end(self) -> int:
        """The exit code may come before the last output; the master hangs up when all has been written."""
        code = 255
        with contextlib.suppress(ConnectionResetError):
            while True:
                message = await self._receive()
                if message.kind == EXIT:
                    code = message.number(1)
        return code

    async def _greet(self) -> None:
        hello = await self._receive()
        if hello.kind != HELLO or hello.number(0) != VERSION:
            raise MuxError(f"the ssh master speaks protocol {hello.number(0)}, we know {VERSION}")
        await self._send(pack(HELLO, VERSION))

    async def _ask(self, timeout: float, wanted: int, kind: int, *fields: Field) -> Message:
        self._last += 1
        try:
            async with asyncio.timeout(timeout):
                await self._send(pack(kind, self._last, *fields))
                return _expect(await self._receive(), wanted)
        except TimeoutError as error:
            raise MuxError(f"the ssh master did not answer within {timeout:.0f} s") from error
        except OSError as error:
            raise MuxError("the ssh master went away", detail=str(error)) from error

    async def _send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._sock, data)

    async def _receive(self) -> Message:
        await self._fill(4)
        size = struct.unpack_from(">I", self._buffer)[0]
        if not 4 <= size <= _LONGEST:
            raise MuxError(f"the ssh master sent a message of {size} bytes")
        await self._fill(4 + size)
        raw = bytes(self._buffer[4:4 + size])
        del self._buffer[:4 + size]
        return Message(struct.unpack_from(">I", raw)[0], raw[4:])

    async def _fill(self, size: int) -> None:
        while len(self._buffer) < size:
            data = await asyncio.get_running_loop().sock_recv(self._sock, 65536)
            if not data:
                raise ConnectionResetError("the connection was closed")
            self._buffer += data


def _expect(message: Message, kind: int) -> Message:
    if message.kind == kind or (kind == OK and message.kind == REMOTE_PORT):
        return message
    if message.kind in (DENIED, FAILURE):
        raise MuxError("the ssh master refused", detail=message.text(4))
    raise MuxError(f"the ssh master answered {message.kind:#x}, expected {kind:#x}")
