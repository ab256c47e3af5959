"""What changes below a directory of the host, told by Linux's inotify; other systems tell nothing."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

_MODIFY, _ATTRIB, _CREATE, _MOVED_TO, _ONLYDIR = 0x2, 0x4, 0x100, 0x80, 0x01000000
_DONT_FOLLOW, _EXCL_UNLINK, _IGNORED, _FOLDER = 0x02000000, 0x04000000, 0x8000, 0x40000000
_MASK = _MODIFY | _ATTRIB | _CREATE | _MOVED_TO | _ONLYDIR | _DONT_FOLLOW | _EXCL_UNLINK
_HEAD = struct.Struct("iIII")
_BLOCK = 1 << 16

NEWER = 10_000_000
"""Nanoseconds by which a file must be newer than when it was told last: what the guest sets in answer is no news."""

_REMEMBERED = 10_000


def available() -> bool:
    """Whether this system can tell."""
    return sys.platform.startswith("linux")


class Watch:
    """Watches directories with all that is below them; `changes` is to be called when `fd` can be read."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise _error("inotify")
        self._folders: dict[int, bytes] = {}

    def close(self) -> None:
        """Watch no more."""
        os.close(self.fd)

    def add(self, folder: bytes) -> None:
        """Watch a directory and what is below it; raises OSError when the system watches no more."""
        number = self._libc.inotify_add_watch(self.fd, folder, _MASK)
        if number < 0:
            error = _error(os.fsdecode(folder))
            if isinstance(error, FileNotFoundError | NotADirectoryError | PermissionError):
                return
            raise error
        self._folders[number] = folder
        try:
            with os.scandir(folder) as entries:
                below = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return
        for each in below:
            self.add(each)

    def add_file(self, file: bytes) -> None:
        """Watch what is written to one file; raises OSError."""
        number = self._libc.inotify_add_watch(self.fd, file, _MODIFY)
        if number < 0:
            raise _error(os.fsdecode(file))
        self._folders[number] = file

    def changes(self) -> Iterator[bytes]:
        """Paths that were made, written or given other attributes; raises OSError as `add` does."""
        try:
            block = os.read(self.fd, _BLOCK)
        except BlockingIOError:
            return
        at = 0
        while at < len(block):
            number, mask, _, size = _HEAD.unpack_from(block, at)
            name = block[at + _HEAD.size:at + _HEAD.size + size].rstrip(b"\0")
            at += _HEAD.size + size
            yield from self._event(number, mask, name)

    def _event(self, number: int, mask: int, name: bytes) -> Iterator[bytes]:
        if mask & _IGNORED:
            self._folders.pop(number, None)
        folder = self._folders.get(number)
        if folder is None or mask & _IGNORED:
            return
        path = folder + b"/" + name if name else folder
        if mask & _FOLDER and mask & (_CREATE | _MOVED_TO) and name:
            self.add(path)
        yield path


@contextlib.contextmanager
def changing(file: Path) -> Iterator[Callable[[], Awaitable[None]] | None]:
    """Something to await until a file is written, from the last time on; None where the system does not tell."""
    watch = _watch_file(file) if available() else None
    if watch is None:
        yield None
        return
    loop, readable = asyncio.get_running_loop(), asyncio.Event()

    def heard() -> None:
        # Until it is read it stays readable: the loop would turn without a pause.
        loop.remove_reader(watch.fd)
        readable.set()

    async def changed() -> None:
        await readable.wait()
        readable.clear()
        for _ in watch.changes():
            pass
        loop.add_reader(watch.fd, heard)

    loop.add_reader(watch.fd, heard)
    try:
        yield changed
    finally:
        loop.remove_reader(watch.fd)
        watch.close()


def _watch_file(file: Path) -> Watch | None:
    watch = Watch()
    try:
        watch.add_file(os.fsencode(file))
    except OSError:
        watch.close()
        return None
    return watch


class News:
    """Which changes are worth telling: a file that is there, and newer than when it was told last."""

    def __init__(self) -> None:
        self._told: dict[bytes, int] = {}

    def modified(self, path: bytes) -> float | None:
        """When the file was changed, in seconds since the epoch; None when that is no news."""
        try:
            now = Path(os.fsdecode(path)).stat().st_mtime_ns
        except OSError:
            return None
        before = self._told.get(path)
        if before is not None and now < before + NEWER:
            return None
        if len(self._told) >= _REMEMBERED:
            self._told.clear()
        self._told[path] = now
        return now / 1e9


def guest_path(path: bytes, location: str, mount_point: str) -> str:
    """Where the guest sees a path below `location`."""
    return str(Path(mount_point) / Path(os.fsdecode(path)).relative_to(location))


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), what)
