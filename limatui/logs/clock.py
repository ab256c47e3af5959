"""When a line of a log was written: by what it says itself, else by the best evidence there is."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from limatui.widgets.logs.file import LineAt, LogBytes

CHUNK = 64 * 1024
"""For a line without a time the last one is used of its own chunk of the file, or of the chunk before."""
_REMEMBERED = 16
"""Chunks whose times are kept."""
_ENOUGH = 4096
"""Bytes of a line in which a time is looked for."""
MOST_ARRIVALS = 4096
MOST_SEARCHED = 256 << 20
"""Bytes of a log up to which it is looked through for guests that booted again."""
_FIELD = re.compile(rb'(?<!\\)"time"\s*:\s*"([^"]{10,40})"')
_AHEAD = rb"(?:\x1b\[[0-9;?]*[A-Za-z]){0,4}\W{0,2}"
_DATE = re.compile(_AHEAD + rb"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?[+-]\d\d:?\d\d|Z)?)")
_BOOT = re.compile(rb"Linux version ")
_KERNEL = re.compile(_AHEAD + rb"\[ *(\d+\.\d{3,6})\]")


class Stamp(NamedTuple):
    """A time that a line names: of the day, or (`since_boot`) since its machine began."""

    seconds: float
    since_boot: bool = False


def stamp(data: bytes) -> Stamp | None:
    """The time in a line."""
    found = _FIELD.search(data) if data.startswith(b"{") else _DATE.match(data)
    if found is not None and (seconds := _iso(found.group(1))) is not None:
        return Stamp(seconds)
    kernel = _KERNEL.match(data)
    return Stamp(float(kernel.group(1)), True) if kernel else None


@lru_cache(maxsize=4096)
def _iso(text: bytes) -> float | None:
    try:
        return datetime.fromisoformat(text.decode("ascii", "replace").replace(",", ".")).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


class Clock:
    """The times of the lines of one file.

    A line without a time has that of the line before; what is seen arriving is written when it arrives; the kernel's
    clock counts from `began`, the start of the machine, which is guessed from the end of the file when it is 0. Where
    the guest booted again in the same log its clock goes on from where it was: nobody knows how long that took.
    """

    def __init__(self, file: LogBytes, began: float = 0.0) -> None:
        self._file = file
        self._began = began
        self._offsets: list[int] = []
        self._times: list[float] = []
        self._guessed = 0.0
        self._chunks: dict[int, tuple[int, list[int], list[Stamp]]] = {}
        self._boots: list[int] = []
        self._bases: list[float] = []
        self._searched = 0

    def arrived(self, offset: int, now: float) -> None:
        """What stands from `offset` on was written now."""
        self._offsets.append(offset)
        self._times.append(now)
        if len(self._offsets) > MOST_ARRIVALS:
            # The first one stays: it says from where on there are any.
            del self._offsets[1::2], self._times[1::2]

    def forget(self) -> None:
        """The file is another one."""
        self._offsets.clear()
        self._times.clear()
        self._chunks.clear()
        self._boots.clear()
        self._bases.clear()
        self._searched, self._guessed = 0, 0.0

    def of(self, line: LineAt) -> tuple[float, bool]:
        """The time of a line, and whether it is an estimate."""
        own = stamp(line.data)
        if own is not None and not own.since_boot:
            return own.seconds, False
        if self._offsets and line.start >= self._offsets[0]:
            return self._times[bisect_right(self._offsets, line.start) - 1], True
        near = own or self._before(line.start)
        if near is None:
            return self.began, True
        return (self.began + self._base(line.start) + near.seconds if near.since_boot else near.seconds), True

    def _base(self, offset: int) -> float:
        """What the kernel's clock had counted in this file before its last boot before an offset."""
        if self._searched < self._file.size <= MOST_SEARCHED:
            self._find_boots()
        at = bisect_right(self._boots, offset)
        return self._bases[at - 1] if at else 0.0

    def _find_boots(self) -> None:
        for start, data in self._file.pieces(self._file.line_start(max(0, self._searched - 1)), self._file.size):
            for match in _BOOT.finditer(data):
                line = self._file.line_start(start + match.start())
                found, last = stamp(self._file.read(line, _ENOUGH)), self._boots[-1] if self._boots else -1
                if found is not None and found.since_boot and found.seconds < 1 and line > last:
                    before = self._before(line)
                    counted = before.seconds if before is not None and before.since_boot else 0.0
                    self._bases.append((self._bases[-1] if self._bases else 0.0) + counted)
                    self._boots.append(line)
        self._searched = self._file.size

    def _before(self, start: int) -> Stamp | None:
        chunk = max(0, start - 1) // CHUNK
        offsets, stamps = self._chunk(chunk)
        at = bisect_left(offsets, start)
        if at:
            return stamps[at - 1]
        stamps = self._chunk(chunk - 1)[1] if chunk else []
        return stamps[-1] if stamps else None

    def _chunk(self, number: int) -> tuple[list[int], list[Stamp]]:
        """Where in a chunk there are lines with a time, and the times."""
        start, size = number * CHUNK, self._file.size
        until, offsets, stamps = self._chunks.get(number, (-1, [], []))
        if until < min(size, start + CHUNK + _ENOUGH):
            while len(self._chunks) >= _REMEMBERED:
                del self._chunks[next(iter(self._chunks))]
            offsets, stamps = self._look(start)
            self._chunks[number] = size, offsets, stamps
        return offsets, stamps

    def _look(self, start: int) -> tuple[list[int], list[Stamp]]:
        ahead = min(start, 1)
        data = b"\n" * (1 - ahead) + self._file.read(start - ahead, CHUNK + _ENOUGH + ahead)
        offsets, stamps, at = list[int](), list[Stamp](), data.find(b"\n") + 1
        while 0 < at <= CHUNK:
            end = data.find(b"\n", at)
            if (found := stamp(data[at : min(at + _ENOUGH, end) if end >= 0 else at + _ENOUGH])) is not None:
                offsets.append(start + at - 1)
                stamps.append(found)
            at = end + 1
        return offsets, stamps

    @property
    def began(self) -> float:
        """When the machine began that wrote this."""
        if not self._began and not self._guessed:
            last = self._before(self._file.size)
            counted = last.seconds + self._base(self._file.size) if last and last.since_boot else 0.0
            self._guessed = self._file.changed - counted
        return self._began or self._guessed
