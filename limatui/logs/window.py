"""A window of lines on one log, or on several merged by time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from limatui.logs.sift import Wanted
from limatui.logs.track import Missing, Track
from limatui.widgets.logs.file import LineAt

Cut = tuple[int, ...]
"""A place between two lines: for each log the start of the first line after it."""


class Passed(NamedTuple):
    """How many lines pass the sift so far, and whether that is all of them."""

    lines: int = 0
    counting: bool = False


class Page(NamedTuple):
    """What is shown: lines, whether they are the newest, size of the files, lines that came since."""

    lines: tuple[LineAt, ...] = ()
    at_end: bool = True
    size: int = 0
    there: bool = False
    new: int = 0
    restarted: bool = False
    share: float = 1.0
    passed: Passed | None = None
    looking: bool = False
    problem: str = ""


class Window:
    """Moves by lines, follows the end until moved up. Memory does not grow with the files."""

    def __init__(self, tracks: Sequence[Track]) -> None:
        self.tracks = tuple(tracks)
        self._height = 1
        self._cut: Cut = (0,) * len(self.tracks)
        self._follow = True
        self._owed = 0
        self._new = 0
        self._counted = list(self._cut)
        self.lacking: tuple[Track, Missing] | None = None

    def close(self) -> None:
        """Close the files."""
        for track in self.tracks:
            track.file.__exit__()

    @property
    def cut(self) -> Cut:
        """Where the window begins."""
        return self._cut

    def _note(self) -> bool:
        """Whether a log must be read on before there is an answer; which one is kept in `lacking`."""
        found = next(((track, track.missing) for track in self.tracks if track.missing is not None), None)
        self.lacking = self.lacking or found
        return found is not None

    @property
    def place(self) -> tuple[Cut, bool]:
        """Where it is, and whether it follows."""
        return self._cut, self._follow

    def go_to(self, cut: Cut, *, follow: bool) -> None:
        """Be at a place where it was before."""
        self.hold()
        self._cut, self._owed = cut, 0
        if follow:
            self.end()

    def choose(self, wanted: Wanted) -> None:
        """Let other lines pass; the first line stays, or one near it."""
        for track in self.tracks:
            track.choose(wanted)
        self._new, self._owed = 0, 0

    def refresh(self) -> bool:
        """Look at the files again; True when the window had to leave its place."""
        restarted = [track.refresh() for track in self.tracks]
        if not any(restarted):
            return False
        self._cut = tuple(0 if void else at for void, at in zip(restarted, self._cut, strict=True))
        self._counted = list(self._end())
        if len(self.tracks) == 1:
            self.end()
        return True

    def page(self, height: int) -> Page:
        """Look at the files again and give the lines to show."""
        restarted = self.refresh()
        self._height, self.lacking = max(1, height), None
        if self._owed:
            self.move(self._owed)
        if self._follow:
            self._to_last_page()
        lines, _ = self.forward(self._cut, self._height)
        if len(lines) < self._height and not self._follow and self.lacking is None:
            self._to_last_page()
            lines, _ = self.forward(self._cut, self._height)
        if not self._follow:
            self._count_new()
        size = sum(track.file.size for track in self.tracks)
        there = any(track.file.there for track in self.tracks)
        problem = next((track.file.problem for track in self.tracks if track.file.problem), "")
        return Page(tuple(lines), self._follow, size, there, self._new, restarted, self._share(lines, size),
                    self.passed, self.lacking is not None, problem)

    def _to_last_page(self) -> None:
        self._cut, self._owed = self.back(self._end(), self._height), 0

    def _end(self) -> Cut:
        return tuple(track.file.size for track in self.tracks)

    def _share(self, lines: list[LineAt], size: int) -> float:
        ends = list(self._cut)
        for line in lines:
            ends[line.track] = line.end
        return sum(ends) / size if size and lines else 1.0

    @property
    def passed(self) -> Passed | None:
        """What is known of the lines that pass; None where all do."""
        tallies = [track.tally for track in self.tracks]
        if not any(tallies):
            return None
        known = [tally for tally in tallies if tally is not None]
        return Passed(sum(tally.total for tally in known), any(not tally.done for tally in known))

    def _count_new(self) -> None:
        for number, track in enumerate(self.tracks):
            count, self._counted[number] = track.newer(self._counted[number])
            self._new += count

    def forward(self, cut: Cut, count: int) -> tuple[list[LineAt], Cut]:
        """At most `count` lines after a place, and the place after them."""
        self._forget_missing()
        place, lines = list(cut), list[LineAt]()
        heads = [track.next(at) for track, at in zip(self.tracks, cut, strict=True)]
        while len(lines) < count and not self._note():
            first = min((head for head in heads if head is not None), key=moment, default=None)
            if first is None or first.end <= first.start:
                break
            lines.append(first)
            place[first.track] = first.end
            heads[first.track] = self.tracks[first.track].next(first.end)
        return lines, tuple(place)

    def back(self, cut: Cut, count: int) -> Cut:
        """The place `count` lines before a place; what could not be gone yet is owed."""
        self._forget_missing()
        place = list(cut)
        tails = [track.previous(at) for track, at in zip(self.tracks, cut, strict=True)]
        while count and not self._note():
            last = max((tail for tail in tails if tail is not None), key=moment, default=None)
            if last is None:
                break
            place[last.track] = last.start
            tails[last.track] = self.tracks[last.track].previous(last.start)
            count -= 1
        self._owed = -count if self._note() else 0
        return tuple(place)

    def _forget_missing(self) -> None:
        for track in self.tracks:
            track.missing = None

    def move(self, rows: int) -> None:
        """Go `rows` lines down, or up when negative; reaching the end follows again."""
        if rows < 0:
            self.hold()
            self._cut = self.back(self._cut, -rows)
            return
        self._owed = 0
        _, self._cut = self.forward(self._cut, rows)
        below, _ = self.forward(self._cut, self._height + 1)
        if len(below) <= self._height and not self._note():
            self.end()

    def hold(self) -> None:
        """Stay here while lines arrive."""
        if self._follow:
            self._follow, self._new = False, 0
            self._counted = [track.file.line_start(track.file.size - 1) if _is_half(track) else track.file.size
                             for track in self.tracks]

    def start(self) -> None:
        """Go to the first line."""
        self.hold()
        self._cut, self._owed = (0,) * len(self.tracks), 0

    def end(self) -> None:
        """Go to the last line and follow."""
        self._follow, self._new, self._owed = True, 0, 0

    def show(self, cut: Cut) -> None:
        """Bring the line after a place into the window, a third from the top."""
        self.hold()
        self._cut = self.back(cut, self._height // 3)

    def place_of(self, line: LineAt) -> Cut:
        """The place before a line: in the other logs that is where its time is."""
        return tuple(line.start if number == line.track else track.when(line.time, after=number < line.track)
                     for number, track in enumerate(self.tracks))


def moment(line: LineAt) -> tuple[float, int, int]:
    """The order of lines of several logs."""
    return line.time, line.track, line.start


def _is_half(track: Track) -> bool:
    size = track.file.size
    return size > 0 and track.file.read(size - 1, 1) != b"\n"
