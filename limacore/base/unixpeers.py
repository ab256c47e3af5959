"""Who is connected to a unix socket: asked of the Linux kernel (sock_diag); elsewhere nobody is known."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

_SOCK_DIAG = 4
_BY_FAMILY, _REQUEST_DUMP, _DONE, _ERROR = 20, 0x301, 3, 2
_CONNECTED = 1 << 1
_SHOW_FILE, _SHOW_PEER = 2, 4
_FILE, _PEER = 1, 2
_HEADER, _ASKED, _SAID = struct.Struct("=IHHII"), struct.Struct("=BBHIIIII"), struct.Struct("=BBBBIII")
_ROOM = 1 << 16


class Peer(NamedTuple):
    """A process at the other end."""

    pid: int
    command: str


def connected(path: Path) -> tuple[Peer, ...]:
    """The processes that are connected to the socket at `path`, as far as this user may see them. It may block."""
    if sys.platform != "linux":
        return ()
    try:
        file = path.stat()
        wanted = {peer for inode, peer in _pairs() if inode == file.st_ino & 0xFFFFFFFF}
    except OSError:
        return ()
    return tuple(_owners(wanted)) if wanted else ()


def _pairs() -> Iterator[tuple[int, int]]:
    """Of each connected socket with a name: the inode of its file, and the socket at the other end."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG) as kernel:
        asked = _ASKED.pack(socket.AF_UNIX, 0, 0, _CONNECTED, 0, _SHOW_FILE | _SHOW_PEER, 0, 0)
        kernel.send(_HEADER.pack(_HEADER.size + len(asked), _BY_FAMILY, _REQUEST_DUMP, 1, 0) + asked)
        while data := kernel.recv(_ROOM):
            for kind, body in _messages(data):
                if kind in (_DONE, _ERROR):
                    return
                told = dict(_attributes(body[_SAID.size :]))
                if _FILE in told and _PEER in told:
                    yield struct.unpack_from("=I", told[_FILE])[0], struct.unpack("=I", told[_PEER])[0]


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _HEADER.size:
        length, kind, *_ = _HEADER.unpack_from(data)
        yield kind, data[_HEADER.size : length]
        data = data[_aligned(length) :]


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        yield kind, data[4:length]
        data = data[_aligned(max(length, 4)) :]


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def _owners(sockets: set[int]) -> Iterator[Peer]:
    names = {f"socket:[{each}]" for each in sockets}
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and names & set(_opened(process / "fd")):
            with contextlib.suppress(OSError):
                yield Peer(int(process.name), (process / "comm").read_text().strip())


def _opened(directory: Path) -> Sequence[str]:
    found: list[str] = []
    with contextlib.suppress(OSError):
        for each in directory.iterdir():
            with contextlib.suppress(OSError):
                found.append(str(each.readlink()))
    return found
