"""One log as the lines of it that pass a sift."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections.abc import Iterator

from msgspec import Struct

from limacore.model.logfile import LogFile
from limatui.logs.clock import Clock
from limatui.logs.sift import Sift, Wanted
from limatui.logs.tally import Tally
from limatui.widgets.logs.file import BLOCK, LineAt, LogBytes

_REMEMBERED = 200_000
"""Line starts that are kept: 1.6 MB."""

Missing = tuple[int, int]
"""A block that is not counted yet, and the direction to go on in: 1 or -1."""


class Source(Struct, frozen=True):
    """A log to read, and the short name that its lines carry where several are shown."""

    log: LogFile
    tag: str = ""


class Track:
    """Gives the next and the previous line that passes. Where that takes more reading than there is time for it gives
    None and sets `missing` to the block to look at next, and in which direction."""

    def __init__(self, source: Source, number: int = 0, *, timed: bool = False) -> None:
        self.source = source
        self.file = LogBytes(source.log.path)
        self.clock = Clock(self.file, source.log.began)
        self.missing: Missing | None = None
        self.tally: Tally | None = None
        self.sift = Sift()
        self._looked = False
        self._number = number
        self.timed = timed
        self._starts: dict[int, array[int]] = {}

    def refresh(self) -> bool:
        """Look at the file again; True when offsets known before are void."""
        before, known = self.file.size, self._looked
        restarted = self.file.refresh()
        self._looked = True
        if restarted:
            self.clock.forget()
            if known:
                self.clock.arrived(0, time.time())
            self._starts.clear()
            self.tally = self.tally and Tally(self.file, self._count)
        elif self.file.size != before and known:
            self.clock.arrived(before, time.time())
        if self.tally is not None and (first := self.tally.grow()) is not None:
            self._starts = {block: starts for block, starts in self._starts.items() if block < first}
        return restarted

    def choose(self, wanted: Wanted) -> None:
        """Let other lines pass."""
        self.sift = Sift(wanted, json=self.source.log.json)
        self._starts.clear()
        self.tally = None if self.sift.idle else Tally(self.file, self._count)

    def _count(self, block: int) -> int:
        return sum(self.sift.count(data) for _, data in self._pieces(block))

    def _pieces(self, block: int) -> Iterator[tuple[int, bytes]]:
        return self.file.pieces(self.file.edge(block), self.file.edge(block + 1))

    def fetch(self, missing: Missing, seconds: float) -> None:
        """Count from a block on until there is a line that passes, or the time is up."""
        if self.tally is None:
            return
        (block, step), end = missing, time.monotonic() + seconds
        while 0 <= block < self.tally.blocks and not self.tally.measure(block) and time.monotonic() < end:
            block += step

    def next(self, offset: int) -> LineAt | None:
        """The first line that passes from the line start `offset` on."""
        if self.tally is None:
            return self.line(offset) if offset < self.file.size else None
        for block in range(offset // BLOCK, self.tally.blocks):
            if self._lacks(block, 1):
                return None
            starts = self._in_block(block)
            at = bisect_left(starts, offset)
            if at < len(starts):
                return self.line(starts[at])
        return None

    def previous(self, offset: int) -> LineAt | None:
        """The last line that passes before the line start `offset`."""
        if offset <= 0:
            return None
        if self.tally is None:
            return self.line(self.file.line_start(offset - 1))
        for block in range(min((offset - 1) // BLOCK, self.tally.blocks - 1), -1, -1):
            if self._lacks(block, -1):
                return None
            starts = self._in_block(block)
            at = bisect_left(starts, offset)
            if at:
                return self.line(starts[at - 1])
        return None

    def _lacks(self, block: int, step: int) -> bool:
        assert self.tally is not None
        if self.tally.known(block) < 0:
            self.missing = block, step
            return True
        return False

    def _in_block(self, block: int) -> array[int]:
        assert self.tally is not None
        if not self.tally.known(block):
            return array("Q")
        if block not in self._starts:
            while sum(map(len, self._starts.values())) > _REMEMBERED:
                del self._starts[next(iter(self._starts))]
            kept = (at + start for at, data in self._pieces(block) for start, _ in self.sift.kept(data))
            self._starts[block] = array("Q", kept)
        return self._starts[block]

    def line(self, start: int) -> LineAt:
        """The line that starts there, with its time if that matters."""
        line = self.file.line(start)
        if not self.timed:
            return line
        moment, about = self.clock.of(line)
        return line._replace(track=self._number, time=moment, about=about)

    def when(self, moment: float, *, after: bool) -> int:
        """Where lines of this moment begin, or (`after`) where they end: a line start, as far as times only grow."""
        low, high = 0, self.file.size
        while low < high:
            line = self.line(self.file.line_start((low + high) // 2))
            if line.time < moment or (after and line.time == moment):
                low = line.end
            else:
                high = line.start
        return low

    def newer(self, offset: int) -> tuple[int, int]:
        """How many lines that pass were completed from the line start `offset` on, and where the next one begins."""
        count = 0
        for start, data in self.file.pieces(offset, self.file.size):
            whole = data[: data.rfind(b"\n") + 1]
            count += self.sift.count(whole)
            offset = start + len(whole)
        return count, offset
