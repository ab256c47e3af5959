"""A client of SFTP: many requests under way at once over one socket, each a call that waits for its own answer."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import stat
import struct
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from limacore.base import proc
from limacore.errors import GuestError
from limacore.mounts import wire
from limacore.mounts.wire import Kind

STATUS, HANDLE, DATA, NAME, ATTRS = 101, 102, 103, 104, 105
_SIZE, _OWNER, _MODE, _TIMES = 1, 2, 4, 8
READ, WRITE, CREATE, TRUNCATE = 1, 2, 8, 16
PIECE = 32 << 10
"""Bytes of one read or write that every server takes; those of OpenSSH say how much more."""
_LIMITS = b"limits@openssh.com"
_LARGEST = 255 << 10
_MOST_ENTRIES = 1_000_000
_WORDS = {wire.NO_SUCH_FILE: "no such file or directory", wire.PERMISSION_DENIED: "permission denied",
          wire.UNSUPPORTED: "the guest cannot do that"}


class Refused(GuestError):
    """The server says no to a request; `code` is its reason."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(_WORDS.get(code) or message.lower() or f"error {code}")
        self.code = code


class Found(NamedTuple):
    """What a file has."""

    mode: int
    size: int
    mtime: int = 0

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.mode)


class Client:
    """Requests and their answers; made by `connected`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._waiting: dict[int, asyncio.Future[tuple[int, wire.Fields]]] = {}
        self._numbers = itertools.count(1)
        self._lost = ""
        self.piece = PIECE

    async def greet(self) -> None:
        """Agree on the version, and on how much a request may carry. Raises GuestError."""
        self._writer.write(struct.pack(">IBI", 5, Kind.INIT, wire.VERSION))
        packet = await self._packet()
        extensions = set()
        fields = wire.Fields(packet, 5)
        with contextlib.suppress(wire.Malformed):
            while True:
                extensions.add(fields.text())
                fields.text()
        if _LIMITS in extensions:
            self.piece = _LARGEST

    async def listen(self) -> None:
        """Hand answers to whoever waits for them, until the other side hangs up."""
        try:
            while True:
                packet = await self._packet()
                kind, number = struct.unpack_from(">BI", packet)
                waiting = self._waiting.pop(number, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result((kind, wire.Fields(packet, 5)))
        except (asyncio.IncompleteReadError, OSError, wire.Malformed, struct.error):
            self._lost = "the connection to the guest ended"
        for each in self._waiting.values():
            if not each.done():
                each.set_exception(GuestError(self._lost))

    async def _packet(self) -> bytes:
        size = int.from_bytes(await self._reader.readexactly(4))
        if not 5 <= size <= wire.MOST + 1024:
            raise wire.Malformed
        return await self._reader.readexactly(size)

    async def _ask(self, kind: Kind, body: bytes, wanted: int) -> wire.Fields:
        if self._lost:
            raise GuestError(self._lost)
        number = next(self._numbers)
        answer: asyncio.Future[tuple[int, wire.Fields]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._writer.write(wire.reply(kind, number, body))
        await self._writer.drain()
        got, fields = await answer
        if got == STATUS:
            code = fields.number()
            if wanted == STATUS and code == wire.OK:
                return fields
            raise Refused(code, fields.text().decode(errors="replace"))
        if got != wanted:
            raise GuestError("the guest answered something else than it was asked")
        return fields

    async def open(self, path: bytes, flags: int, mode: int = 0o600) -> bytes:
        """A handle of a file."""
        body = wire.text(path) + struct.pack(">III", flags, _MODE, mode)
        return (await self._ask(Kind.OPEN, body, HANDLE)).text()

    async def close(self, handle: bytes) -> None:
        """Give a handle back; what was written is there then."""
        await self._ask(Kind.CLOSE, wire.text(handle), STATUS)

    async def read(self, handle: bytes, offset: int, length: int) -> bytes:
        """Bytes at a place, fewer than asked for perhaps; none at the end."""
        try:
            fields = await self._ask(Kind.READ, wire.text(handle) + struct.pack(">QI", offset, length), DATA)
        except Refused as error:
            if error.code == wire.EOF:
                return b""
            raise
        data = fields.text()
        if len(data) > length:
            raise wire.Malformed
        return data

    async def write(self, handle: bytes, offset: int, data: bytes) -> None:
        """Put bytes at a place."""
        await self._ask(Kind.WRITE, wire.text(handle) + struct.pack(">Q", offset) + wire.text(data), STATUS)

    async def stat(self, path: bytes, *, follow: bool = True) -> Found | None:
        """What a file has, None when there is none."""
        try:
            fields = await self._ask(Kind.STAT if follow else Kind.LSTAT, wire.text(path), ATTRS)
        except Refused as error:
            if error.code == wire.NO_SUCH_FILE:
                return None
            raise
        return _found(fields)

    async def set(self, handle: bytes, mode: int, mtime: int) -> None:
        """Give an open file its mode and time."""
        body = struct.pack(">IIII", _MODE | _TIMES, mode, mtime, mtime)
        await self._ask(Kind.FSETSTAT, wire.text(handle) + body, STATUS)

    async def mkdir(self, path: bytes, mode: int) -> None:
        """Make a directory; none is made where one is."""
        try:
            await self._ask(Kind.MKDIR, wire.text(path) + struct.pack(">II", _MODE, mode), STATUS)
        except Refused:
            found = await self.stat(path)
            if found is None or not found.is_dir:
                raise

    async def symlink(self, target: bytes, path: bytes) -> None:
        """Make a link, in the order of arguments that OpenSSH has."""
        await self._ask(Kind.SYMLINK, wire.text(target) + wire.text(path), STATUS)

    async def readlink(self, path: bytes) -> bytes:
        """Where a link leads."""
        fields = await self._ask(Kind.READLINK, wire.text(path), NAME)
        fields.number()
        return fields.text()

    async def listed(self, path: bytes) -> list[tuple[bytes, Found]]:
        """The entries of a directory, without itself and the one above."""
        handle = (await self._ask(Kind.OPENDIR, wire.text(path), HANDLE)).text()
        entries: list[tuple[bytes, Found]] = []
        try:
            while True:
                entries += _entries(await self._ask(Kind.READDIR, wire.text(handle), NAME))
                if len(entries) > _MOST_ENTRIES:
                    raise GuestError("a directory of the guest has too many entries")
        except Refused as error:
            if error.code != wire.EOF:
                raise
        await self.close(handle)
        return [each for each in entries if each[0] not in (b".", b"..")]


def _entries(fields: wire.Fields) -> list[tuple[bytes, Found]]:
    found = []
    for _ in range(fields.number()):
        name = fields.text()
        fields.text()
        found.append((name, _found(fields)))
    return found


def _found(fields: wire.Fields) -> Found:
    flags = fields.number()
    size = fields.long() if flags & _SIZE else 0
    if flags & _OWNER:
        fields.long()
    mode = fields.number() if flags & _MODE else 0
    times = fields.long() if flags & _TIMES else 0
    return Found(mode, size, times & 0xFFFFFFFF)


@contextlib.asynccontextmanager
async def connected(argv: Sequence[str]) -> AsyncIterator[Client]:
    """A client of the server that `argv` runs or leads to; raises GuestError with what that says when it fails."""
    ours, theirs = socket.socketpair()
    with ours, contextlib.ExitStack() as until_started:
        until_started.enter_context(theirs)
        async with proc.spawn(argv, stdin=theirs.fileno(), stdout=theirs.fileno(), grace=1.0) as process:
            until_started.close()
            reader, writer = await asyncio.open_connection(sock=ours, limit=4 << 20)
            client = Client(reader, writer)
            try:
                await client.greet()
            except (asyncio.IncompleteReadError, OSError, wire.Malformed) as error:
                await process.wait()
                raise GuestError("the guest serves no files", detail=process.stderr_tail) from error
            listening = asyncio.ensure_future(client.listen())
            try:
                yield client
            except wire.Malformed:
                raise GuestError("the guest does not speak SFTP as it should") from None
            finally:
                listening.cancel()
                writer.close()


def encoded(path: str) -> bytes:
    """A path as the guest has it."""
    return os.fsencode(path)
