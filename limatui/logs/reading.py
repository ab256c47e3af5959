"""What the thread that reads logs owns: the window on them and the search in it. One turn at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import NamedTuple

from limatui.logs.search import Hit, Hunt, Search
from limatui.logs.sift import EVERYTHING, Wanted
from limatui.logs.track import Source, Track
from limatui.logs.window import Cut, Page, Window
from limatui.widgets.logs.file import LineAt

WORKERS = min(4, os.cpu_count() or 1)
TURN = 0.02
"""Seconds that a search or a filter may take before keys get their turn."""


class Found(NamedTuple):
    """What a search knows: text, place of the current find, its number, how many there are so far, or lines with it."""

    text: str = ""
    at: int | None = None
    number: int = 0
    total: int = 0
    counting: bool = False
    looking: bool = False
    wrapped: bool = False
    track: int = 0
    by_line: bool = False


class Reading:
    """The methods below `turn` are what may be asked for in a turn."""

    def __init__(self, sources: Sequence[Source], *, timed: bool = False, wanted: Wanted = EVERYTHING,
                 sought: str = "") -> None:
        self.window = Window([Track(source, number, timed=timed) for number, source in enumerate(sources)])
        self._search: Search | None = None
        self._hunt: Hunt | None = None
        self._hit: Hit | None = None
        self._place: Cut = ()
        self._place_asked: tuple[Cut, bool] | None = None
        self._last: tuple[LineAt, ...] = ()
        self._wanted = wanted
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(WORKERS, "logcount")
        self.window.choose(wanted)
        self.find(sought, hunt=False)

    def turn(self, orders: Sequence[Order], height: int) -> tuple[Page, Found]:
        """Carry out what was asked, read on for a moment, and give what is to be shown."""
        with self._lock:
            page = self.window.page(height)
            if page.restarted:
                self._place_asked = None
                if self._search is not None:
                    self.find(self._search.text, hunt=False)
            if self._search is not None:
                self._search.grow()
            for order in orders:
                order(self)
            if orders or self.busy or page.looking:
                restarted, page = page.restarted, self._read_on(height, None if orders else page)
                page = page._replace(restarted=restarted or page.restarted)
            return self._steady(page), self._found()

    def _steady(self, page: Page) -> Page:
        """While the end of a log that grows is looked through, what was seen there stays."""
        if page.looking and page.at_end and not page.restarted:
            return page._replace(lines=self._last or page.lines)
        self._last = page.lines if page.at_end else ()
        return page

    def close(self) -> None:
        """Close the files when the turn that may be running has ended."""
        with self._lock:
            self.window.close()
            self._pool.shutdown(wait=False)

    # --- orders

    def choose(self, wanted: Wanted) -> None:
        """Show other lines; where the window is, or was when the question was asked, there will be those that pass."""
        if wanted == self._wanted:
            return
        self._wanted, self._last = wanted, ()
        if self._place_asked is not None:
            self.window.go_to(self._place_asked[0], follow=self._place_asked[1])
        self.window.choose(wanted)
        if self._search is not None:
            self.find(self._search.text, hunt=False)

    def ask(self, on: bool) -> None:
        """A filter is typed: what passes for a moment does not move the window for good."""
        self._place_asked = self.window.place if on else None

    def find(self, text: str, *, hunt: bool = True) -> None:
        """Look for this text from the first line in the window on; an empty text ends the search."""
        self._search = Search(self.window, text) if text else None
        self._hit = self._hunt = None
        if hunt:
            self.again(forward=True)

    def again(self, *, forward: bool) -> None:
        """The next find, or the one before."""
        if self._search is None:
            return
        places = self.window.cut
        if self._hit is not None:
            around = list(self._place)
            around[self._hit.line.track] = self._hit.at + forward
            places = tuple(around)
        self._hunt = Hunt(self._search, places, forward=forward)

    def time_lines(self, on: bool) -> None:
        """Find out when each line was written."""
        for track in self.window.tracks:
            track.timed = on

    # --- reading on

    def _read_on(self, height: int, page: Page | None) -> Page:
        end = monotonic() + TURN
        page = page or self.window.page(height)
        while self.window.lacking is not None and monotonic() < end:
            track, missing = self.window.lacking
            track.fetch(missing, end - monotonic())
            page = self.window.page(height)
        if self._step_hunt(end):
            page = self.window.page(height)
        self._count(end)
        return page._replace(passed=self.window.passed)

    def _step_hunt(self, end: float) -> bool:
        hunt = self._hunt
        while hunt is not None and not hunt.over and monotonic() < end:
            hunt.step()
            if hunt.found is not None:
                self._hit, self._place = hunt.found, self.window.place_of(hunt.found.line)
                self.window.show(self._place)
                return True
        return False

    def _count(self, end: float) -> None:
        """Count on every processor: most of it runs without the lock of the interpreter."""
        if self.busy:
            others = [self._pool.submit(self._count_until, end) for _ in range(WORKERS - 1)]
            self._count_until(end)
            for other in others:
                other.result()

    def _count_until(self, end: float) -> None:
        while monotonic() < end and (self._count_finds() or self._count_lines()):
            pass

    def _count_finds(self) -> bool:
        return self._search is not None and self._search.step()

    def _count_lines(self) -> bool:
        return any(track.tally.step() for track in self.window.tracks if track.tally is not None)

    @property
    def busy(self) -> bool:
        """Whether another turn is wanted at once."""
        hunting = self._hunt is not None and not self._hunt.over
        passed = self.window.passed
        return hunting or (self._search is not None and not self._search.done) or bool(passed and passed.counting)

    def _found(self) -> Found:
        if self._search is None:
            return Found()
        hunt, hit = self._hunt, self._hit
        return Found(self._search.text, hit.at if hit else None, self._search.number(hit, self._place) if hit else 0,
                     self._search.count, not self._search.done, hunt is not None and not hunt.over,
                     hunt is not None and hunt.wrapped and hunt.found is not None, hit.line.track if hit else 0,
                     self._search.by_line)


Order = Callable[[Reading], None]
