"""The SFTP protocol, version 3, as bytes; source: draft-ietf-secsh-filexfer-02 and OpenSSH's PROTOCOL file."""

from __future__ import annotations

import errno
import os
import struct
from enum import IntEnum
from typing import NamedTuple

VERSION = 3
MOST = 256 << 10
"""Bytes of the longest packet, as in OpenSSH."""


class Kind(IntEnum):
    """What a client asks."""

    INIT = 1
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    SETSTAT = 9
    FSETSTAT = 10
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    RMDIR = 15
    REALPATH = 16
    STAT = 17
    RENAME = 18
    READLINK = 19
    SYMLINK = 20
    EXTENDED = 200


_VERSION, _STATUS, _HANDLE, _DATA, _NAME, _ATTRS, _EXTENDED_REPLY = 2, 101, 102, 103, 104, 105, 201
OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE, UNSUPPORTED = 0, 1, 2, 3, 4, 5, 8
_CODES = {
    errno.ENOENT: NO_SUCH_FILE, errno.ENOTDIR: NO_SUCH_FILE, errno.ELOOP: NO_SUCH_FILE, errno.EBADF: NO_SUCH_FILE,
    errno.EACCES: PERMISSION_DENIED, errno.EPERM: PERMISSION_DENIED, errno.EROFS: PERMISSION_DENIED,
    errno.EINVAL: BAD_MESSAGE, errno.ENAMETOOLONG: BAD_MESSAGE, errno.ENOSYS: UNSUPPORTED,
}
_SIZE, _OWNER, _MODE, _TIMES, _MORE = 1, 2, 4, 8, 0x80000000
_STAT = struct.Struct(">IQIIIII")
_HEAD = struct.Struct(">IBI")
_NUMBER = struct.Struct(">I")
_LONG = struct.Struct(">Q")
_NOSUID, _READONLY = 2, 1


class Malformed(Exception):
    """The client does not speak the protocol."""


class Attributes(NamedTuple):
    """What a client wants a file to have; None is left as it is."""

    size: int | None = None
    owner: tuple[int, int] | None = None
    mode: int | None = None
    times: tuple[int, int] | None = None


class Fields:
    """The fields of one packet, read in order; raises Malformed where it is shorter than it says."""

    def __init__(self, packet: bytes, start: int = 0) -> None:
        self._packet = packet
        self._at = start

    def number(self) -> int:
        """32 bits."""
        return self._next(_NUMBER)

    def long(self) -> int:
        """64 bits."""
        return self._next(_LONG)

    def text(self) -> bytes:
        """A string of bytes."""
        return bytes(self.view())

    def view(self) -> memoryview:
        """A string without a copy."""
        size = self.number()
        end = self._at + size
        if end > len(self._packet):
            raise Malformed
        found = memoryview(self._packet)[self._at:end]
        self._at = end
        return found

    def attributes(self) -> Attributes:
        """What is to be set; extended pairs are passed over."""
        flags = self.number()
        return Attributes(
            self.long() if flags & _SIZE else None,
            (self.number(), self.number()) if flags & _OWNER else None,
            self.number() & 0o7777 if flags & _MODE else None,
            (self.number(), self.number()) if flags & _TIMES else None,
        )

    def _next(self, shape: struct.Struct) -> int:
        try:
            (value,) = shape.unpack_from(self._packet, self._at)
        except struct.error as error:
            raise Malformed from error
        self._at += shape.size
        return int(value)


def text(value: bytes) -> bytes:
    """A string with its length."""
    return _NUMBER.pack(len(value)) + value


def reply(kind: int, number: int, body: bytes) -> bytes:
    """A whole packet."""
    return _HEAD.pack(len(body) + 5, kind, number) + body


def version(extensions: dict[bytes, bytes]) -> bytes:
    """The answer to INIT."""
    pairs = b"".join(text(name) + text(value) for name, value in extensions.items())
    return reply(_VERSION, VERSION, pairs)


def status(number: int, code: int, message: str = "") -> bytes:
    """How a request ended."""
    return reply(_STATUS, number, _NUMBER.pack(code) + text(message.encode()) + text(b""))


def failure(number: int, error: OSError) -> bytes:
    """A failed request, with what the system said."""
    return status(number, _CODES.get(error.errno or 0, FAILURE), error.strerror or "")


def handle_name(value: int) -> bytes:
    """What a handle is called."""
    return _LONG.pack(value)


def handle(number: int, name: bytes) -> bytes:
    """A new handle."""
    return reply(_HANDLE, number, text(name))


def data(number: int, content: bytes) -> bytes:
    """What was read."""
    return reply(_DATA, number, text(content))


def attrs(number: int, found: os.stat_result) -> bytes:
    """What a file has."""
    return reply(_ATTRS, number, attributes(found))


def names(number: int, entries: list[bytes]) -> bytes:
    """Names, each made by `entry`."""
    return reply(_NAME, number, _NUMBER.pack(len(entries)) + b"".join(entries))


def entry(name: bytes, found: os.stat_result | None = None) -> bytes:
    """One name; the long form that people would read is the name again, no program of ours shows it."""
    return text(name) + text(name) + (attributes(found) if found else _NUMBER.pack(0))


def attributes(found: os.stat_result) -> bytes:
    """Size, owner, mode and times; times before 1970 or after 2106 do not fit and are cut."""
    return _STAT.pack(_SIZE | _OWNER | _MODE | _TIMES, found.st_size, found.st_uid, found.st_gid, found.st_mode,
                      _time(found.st_atime), _time(found.st_mtime))


def _time(seconds: float) -> int:
    return min(max(int(seconds), 0), 0xFFFFFFFF)


def room(number: int, found: os.statvfs_result) -> bytes:
    """The answer to statvfs@openssh.com."""
    flags = (_READONLY if found.f_flag & os.ST_RDONLY else 0) | (_NOSUID if found.f_flag & os.ST_NOSUID else 0)
    values = (found.f_bsize, found.f_frsize, found.f_blocks, found.f_bfree, found.f_bavail, found.f_files,
              found.f_ffree, found.f_favail, found.f_fsid, flags, found.f_namemax)
    return reply(_EXTENDED_REPLY, number, b"".join(_LONG.pack(value & (1 << 64) - 1) for value in values))
