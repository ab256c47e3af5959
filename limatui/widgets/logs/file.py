"""Files that grow: a log seen by byte offsets, so that 5 GB open as fast as 5 KB. Nothing here draws; all of it blocks.

A line ends at a newline. So that a file without newlines stays usable, a line also ends at a multiple of BLOCK when the
block before it holds no newline: no line is longer than two blocks, and its start is found by reading two blocks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CHUNK = 64 * 1024
BLOCK = 1024 * 1024
PIECE = 96 * 1024
"""Bytes searched at a time: they stay in the processor's cache, their memory is at hand (1 MiB: half as fast)."""
NEAR = 2 * 1024
"""Bytes in which the end of a line is looked for first; each further look is at four times as many, up to CHUNK."""
SHOWN = 8 * 1024
"""Bytes of a line that are read for showing."""
MARK = 64
"""Bytes at the beginning and before the old end: by them a file is known that was cut and has grown again since."""


class News(NamedTuple):
    """What a followed file brought: `restarted` when it is another file or was cut, so what was read before is void."""

    restarted: bool
    data: bytes


class Tail:
    """Follows a file by name, inode and size, from its last `keep` bytes on."""

    def __init__(self, path: Path, keep: int) -> None:
        self.path = path
        self._keep = keep
        self._inode = -1
        self._offset = 0

    def read(self) -> News:
        """What is new since the last call, at most BLOCK bytes; empty where there is no file."""
        try:
            with self.path.open("rb") as file:
                return self._read(file.fileno())
        except OSError:
            return News(False, b"")

    def skip(self) -> None:
        """Pass over what is there now: it is known from elsewhere."""
        try:
            stat = self.path.stat()
        except OSError:
            return
        self._inode, self._offset = stat.st_ino, stat.st_size

    def _read(self, fd: int) -> News:
        stat = os.fstat(fd)
        restarted = stat.st_ino != self._inode or stat.st_size < self._offset
        if restarted:
            self._inode, self._offset = stat.st_ino, max(0, stat.st_size - self._keep)
        data = os.pread(fd, max(BLOCK, self._keep), self._offset)
        skipped = data.find(b"\n") + 1 if restarted and self._offset else 0
        self._offset += len(data)
        return News(restarted, data[skipped:])


class LineAt(NamedTuple):
    """A line: where it starts, where the next one does, its first bytes and how many of them are left out.

    `track` says which of several logs it is of; `time` (seconds since 1970, 0 where nobody asked) is `about` right
    when it was not written in the line itself.
    """

    start: int
    end: int
    data: bytes
    cut: int = 0
    track: int = 0
    time: float = 0.0
    about: bool = False


class LogBytes:
    """One log file, followed by name and inode: a deleted file can still be read until another takes its name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.there = False
        self.changed = 0.0
        self.problem = ""
        self._fd = -1
        self._inode = (-1, -1)
        self._marks: tuple[tuple[int, bytes], ...] = ()

    def __enter__(self) -> LogBytes:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def refresh(self) -> bool:
        """Look again at the file; True when offsets known before are void: another file, or one that was cut."""
        self.problem = ""
        try:
            return self._look(self.path.stat())
        except OSError as error:
            self._fail(error)
            self.there = False
            return False

    def _look(self, stat: os.stat_result) -> bool:
        other = (stat.st_dev, stat.st_ino) != self._inode
        if other:
            stat = self._reopen()
        cut = other or stat.st_size < self.size or any(self._pread(at, len(old)) != old for at, old in self._marks)
        if cut or stat.st_size != self.size:
            places = (0, max(0, stat.st_size - MARK))
            self._marks = tuple((at, self._pread(at, min(MARK, stat.st_size - at))) for at in places)
        self.there, self.changed, self.size = True, stat.st_mtime, stat.st_size
        return cut

    def _reopen(self) -> os.stat_result:
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        self.__exit__()
        stat = os.fstat(fd)
        self._fd, self._inode = fd, (stat.st_dev, stat.st_ino)
        return stat

    def _fail(self, error: OSError) -> None:
        self.problem = "" if isinstance(error, FileNotFoundError) else error.strerror or str(error)

    def read(self, start: int, count: int) -> bytes:
        """Bytes from `start` on, fewer at the end or when the file was cut meanwhile."""
        return self._pread(start, max(0, min(count, self.size - start)))

    def _pread(self, start: int, count: int) -> bytes:
        """None where they cannot be read: `problem` says why."""
        if self._fd < 0 or not count:
            return b""
        try:
            return os.pread(self._fd, count, start)
        except OSError as error:
            self._fail(error)
            return b""

    def _newline_before(self, low: int, high: int) -> int:
        """The offset after the last newline in [low, high), or -1."""
        look = NEAR
        while high > low:
            start = max(low, high - look)
            at = self.read(start, high - start).rfind(b"\n")
            if at >= 0:
                return start + at + 1
            high, look = start, min(4 * look, CHUNK)
        return -1

    def line_start(self, offset: int) -> int:
        """The start of the line that the byte at `offset` belongs to."""
        block = offset // BLOCK * BLOCK
        start = self._newline_before(block, offset)
        if start >= 0 or block == 0:
            return max(start, 0)
        start = self._newline_before(block - BLOCK, block)
        return block if start < 0 else start

    def line_end(self, start: int) -> int:
        """The start of the line after the one that starts at `start`; the size where there is none."""
        at, block, look = start, start // BLOCK * BLOCK, NEAR
        while at < self.size:
            chunk = self.read(at, min(look, block + BLOCK - at))
            look = min(4 * look, CHUNK)
            found = chunk.find(b"\n")
            if found >= 0:
                return at + found + 1
            if not chunk:
                break
            at += len(chunk)
            if at == block + BLOCK:
                if start <= block and self._newline_before(block, at) < 0:
                    return at
                if start > block and self._newline_before(block, start) < 0:
                    return at
                block = at
        return self.size

    def line(self, start: int) -> LineAt:
        """The line that starts at `start`."""
        data = self.read(start, SHOWN)
        found = data.find(b"\n")
        end = start + found + 1 if found >= 0 else self.line_end(start)
        shown = data[: end - start]
        cut = max(0, end - start - len(shown))
        if cut and b"\r" in shown:
            return LineAt(start, end, *self._last_state(shown, start, end))
        return LineAt(start, end, shown.rstrip(b"\r\n"), cut)

    def _last_state(self, shown: bytes, start: int, end: int) -> tuple[bytes, int]:
        """A line that overwrites itself, longer than what is read of a line: its last state, and what is cut of it."""
        tail = self.read(max(start, end - SHOWN), SHOWN).rstrip(b"\r\n")
        if b"\r" in tail:
            return tail.rsplit(b"\r", 1)[-1], 0
        return shown.rstrip(b"\r\n"), end - start - len(shown)

    def edge(self, block: int) -> int:
        """The first line start in a block or after it."""
        at = block * BLOCK
        if at >= self.size:
            return self.size
        start = self.line_start(at)
        return start if start == at else self.line_end(start)

    def pieces(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """What is between two line starts, in pieces of whole lines, each with its offset."""
        while start < end:
            data = self.read(start, min(PIECE, end - start))
            if start + len(data) < end:
                whole = data.rfind(b"\n") + 1
                data = data[:whole] if whole else self.read(start, self.line_end(start) - start)
            if not data:
                return
            yield start, data
            start += len(data)
