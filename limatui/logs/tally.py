"""How often something is in each block of a file: a count that can be made in any order, a few blocks at a time."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable

from limatui.widgets.logs.file import BLOCK, LogBytes

_UNKNOWN = -1


class Tally:
    """Counts by block, from the end to the beginning unless asked for others first: 8 bytes for each MiB of a log."""

    def __init__(self, file: LogBytes, count: Callable[[int], int]) -> None:
        self._file = file
        self._count = count
        self._counts = array("q")
        self._todo: list[int] = []
        self._size = 0
        self.total = 0
        self._lock = threading.Lock()
        self.grow()

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return len(self._counts)

    @property
    def done(self) -> bool:
        """Whether every block is counted."""
        return not self._todo

    def grow(self) -> int | None:
        """Take notice of another size; the first block whose lines may differ from before."""
        if self._file.size == self._size:
            return None
        # A line belongs to the block that it starts in, and the last one may have been half written.
        first = self._file.line_start(self._size - 1) // BLOCK if self._size else 0
        self._size = self._file.size
        for block in range(first, len(self._counts)):
            self.total -= max(0, self._counts[block])
        del self._counts[first:]
        wanted = -(-self._size // BLOCK) - len(self._counts)
        self._counts.extend([_UNKNOWN] * max(0, wanted))
        self._todo = [block for block in self._todo if block < first] + list(range(first, len(self._counts)))
        return first

    def known(self, block: int) -> int:
        """The count of a block; negative while it is not known."""
        return self._counts[block]

    def measure(self, block: int) -> int:
        """Count a block now, if it was not."""
        if self._counts[block] == _UNKNOWN:
            self._put(block, self._count(block))
        return self._counts[block]

    def step(self) -> bool:
        """Count one more block, also from several threads at a time; False when no other is left."""
        block = self._take()
        if block is None:
            return False
        self._put(block, self._count(block))
        return True

    def _take(self) -> int | None:
        with self._lock:
            while self._todo:
                if self._counts[block := self._todo.pop()] == _UNKNOWN:
                    return block
        return None

    def _put(self, block: int, count: int) -> None:
        with self._lock:
            self._counts[block] = count
            self.total += count

    def before(self, block: int) -> int | None:
        """The sum of all blocks before this one; None while one of them is not counted."""
        counts = self._counts[:block]
        return None if counts and min(counts) == _UNKNOWN else sum(counts)
