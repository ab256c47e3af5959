"""Lines of JSON: cut from a stream with a limit, appended to a file, followed while a file grows."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

QUICK, SLOW = 0.01, 0.05
"""Seconds between looks at a followed file: while it grows, and while it is quiet."""


class LineSplitter:
    """Cuts bytes into lines; a line longer than `limit` bytes is dropped and counted in `refused`, never kept."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.refused = 0
        self._rest = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes]:
        """The complete lines so far, without their newline; empty lines are left out."""
        *complete, rest = data.split(b"\n")
        lines = [line for part in complete if (line := self._finish(part))]
        self._keep(rest)
        return lines

    def _finish(self, part: bytes) -> bytes:
        self._keep(part)
        line = b"" if self._skipping else bytes(self._rest).rstrip(b"\r")
        self._rest.clear()
        self._skipping = False
        return line

    def _keep(self, part: bytes) -> None:
        if self._skipping:
            return
        self._rest += part
        if len(self._rest) > self.limit:
            self._rest.clear()
            self._skipping = True
            self.refused += 1


class Tail:
    """The lines added to a file since the last look; a file that is cut or replaced is read from its start again."""

    def __init__(self, path: Path, *, from_end: bool = False, limit: int = 1 << 20) -> None:
        self.path = path
        self._limit = limit
        self._splitter = LineSplitter(limit)
        self._inode = 0
        self._offset = 0
        if from_end:
            self._skip_to_end()

    def read(self, most: int = 1 << 20) -> list[bytes]:
        """Complete new lines, looking at `most` bytes at most; nothing while the file does not exist."""
        try:
            with self.path.open("rb", buffering=0) as file:
                return self._read_from(file.fileno(), most)
        except FileNotFoundError:
            return []

    def _read_from(self, fd: int, most: int) -> list[bytes]:
        status = os.fstat(fd)
        if status.st_ino != self._inode or status.st_size < self._offset:
            self._inode, self._offset, self._splitter = status.st_ino, 0, LineSplitter(self._limit)
        if status.st_size == self._offset:
            return []
        data = os.pread(fd, most, self._offset)
        self._offset += len(data)
        return self._splitter.feed(data)

    def _skip_to_end(self) -> None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return
        self._inode, self._offset = status.st_ino, status.st_size


async def follow(path: Path, *, from_end: bool = False) -> AsyncIterator[bytes]:
    """Each line of a file, then each that is added, for ever: end it by leaving the loop."""
    tail = Tail(path, from_end=from_end)
    pause = QUICK
    while True:
        lines = tail.read()
        for line in lines:
            yield line
        pause = QUICK if lines else min(pause * 1.5, SLOW)
        await asyncio.sleep(pause)


def append(fd: int, line: bytes) -> None:
    """Write one line by one system call, so that lines of several writers do not mix."""
    os.write(fd, line + b"\n")
