"""All places of a text in the lines of a window, and the way to the next one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from limatui.logs.pattern import Pattern, pattern
from limatui.logs.tally import Tally
from limatui.logs.track import Track
from limatui.logs.window import Cut, Window, moment
from limatui.widgets.logs.file import BLOCK, PIECE, LineAt


class Hit(NamedTuple):
    """A place that was found: the line, and where in its file."""

    line: LineAt
    at: int


class Finds:
    """The places of a text in the lines of one log that pass, block by block."""

    def __init__(self, track: Track, pattern: Pattern) -> None:
        self._track, self._pattern = track, pattern
        self.tally = Tally(track.file, self._count)
        self._last: tuple[int, int, list[int]] = (-1, -1, [])

    def _count(self, block: int) -> int:
        if self._track.sift.idle:
            return sum(self._pattern.count(data, own) for _, data, own in self._pieces(block))
        return len(self._places(block))

    def _pieces(self, block: int) -> Iterator[tuple[int, bytes, int]]:
        """All of a block: offset, bytes, how many of them are its own: pieces for a text overlap by almost the text."""
        file, overlap = self._track.file, self._pattern.overlap
        at, end = file.edge(block), file.edge(block + 1)
        if self._pattern.by_line:
            yield from ((start, data, len(data)) for start, data in file.pieces(at, end))
            return
        while at < end:
            own = min(PIECE, end - at)
            yield at, file.read(at, own + overlap), own
            at += own

    def places(self, block: int) -> list[int]:
        """All places in a block."""
        size = self._track.file.size
        if self._last[:2] != (block, size):
            self._last = block, size, self._places(block) if self.tally.measure(block) else []
        return self._last[2]

    def _places(self, block: int) -> list[int]:
        sift, places, file = self._track.sift, self._pattern.places, self._track.file
        if sift.idle:
            return [at + place for at, data, own in self._pieces(block) for place in places(data) if place < own]
        return [at + start + place for at, data in file.pieces(file.edge(block), file.edge(block + 1))
                for start, end in sift.kept(data) for place in places(data[start:end])]

    def before(self, offset: int) -> int | None:
        """How many places are before an offset; None while that is not known."""
        block = min(self._track.file.line_start(offset) // BLOCK, self.tally.blocks)
        before = self.tally.before(block)
        if before is None or block >= self.tally.blocks:
            return before
        return before + sum(place < offset for place in self.places(block))


class Search:
    """Counts while the user reads on."""

    def __init__(self, window: Window, text: str) -> None:
        self.window, self.text = window, text
        wanted = pattern(text)
        self.by_line = wanted.by_line
        self.finds = tuple(Finds(track, wanted) for track in window.tracks)

    @property
    def done(self) -> bool:
        """Whether everything was looked at."""
        return all(find.tally.done for find in self.finds)

    @property
    def count(self) -> int:
        """Places found so far."""
        return sum(find.tally.total for find in self.finds)

    def grow(self) -> None:
        """Take notice of what was written since."""
        for find in self.finds:
            find.tally.grow()

    def step(self) -> bool:
        """Look at one more block; False when no other is left."""
        return any(find.tally.step() for find in self.finds)

    def number(self, hit: Hit, place: Cut) -> int:
        """Which one this is, from 1 on; 0 while that is not known. `place` is where its line begins."""
        total = 1
        for number, (find, at) in enumerate(zip(self.finds, place, strict=True)):
            before = find.before(hit.at if number == hit.line.track else at)
            if before is None:
                return 0
            total += before
        return total


class Hunt:
    """The next place after one, forward or back, wrapping at the end; advances block by block."""

    def __init__(self, search: Search, places: Sequence[int], *, forward: bool = True) -> None:
        self._search = search
        self._forward = forward
        self._begin(places)
        self.wrapped = False
        self.over = False
        self.found: Hit | None = None

    def _begin(self, places: Sequence[int]) -> None:
        tracks = self._search.window.tracks
        self._from = list(places)
        self._blocks = [track.file.line_start(max(0, at - (not self._forward))) // BLOCK
                        for track, at in zip(tracks, places, strict=True)]
        self._hits: dict[int, Hit | None] = {}

    def step(self) -> None:
        """Look at one block of one log."""
        number = next((number for number in range(len(self._from)) if number not in self._hits), None)
        if number is None:
            self._decide()
        else:
            self._look(number)

    def _look(self, number: int) -> None:
        find, block = self._search.finds[number], self._blocks[number]
        if not 0 <= block < find.tally.blocks:
            if block < 0 or self._forward or not find.tally.blocks:
                self._hits[number] = None
            else:
                self._blocks[number] = find.tally.blocks - 1
            return
        if find.tally.measure(block) and (place := self._in(number, block)) is not None:
            track = self._search.window.tracks[number]
            self._hits[number] = Hit(track.line(track.file.line_start(place)), place)
        self._blocks[number] += 1 if self._forward else -1

    def _in(self, number: int, block: int) -> int | None:
        places, limit = self._search.finds[number].places(block), self._from[number]
        if self._forward:
            return next((place for place in places if place >= limit), None)
        return next((place for place in reversed(places) if place < limit), None)

    def _decide(self) -> None:
        hits = [hit for hit in self._hits.values() if hit is not None]
        if hits:
            choose = min if self._forward else max
            self.found, self.over = choose(hits, key=lambda hit: (*moment(hit.line), hit.at)), True
        elif self.wrapped:
            self.over = True
        else:
            self.wrapped = True
            tracks = self._search.window.tracks
            self._begin([0 if self._forward else track.file.size for track in tracks])
