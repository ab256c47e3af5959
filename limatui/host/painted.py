"""What stands on the terminal, so that only what differs is written: over a slow line bytes are time.

Textual writes whole rows of a widget. Here a row is compared by its segments with what was written there last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.control import Control
from rich.segment import Segment
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

Row = dict[int, tuple[Segment, int]]
"""Where each segment begins, and how many cells it takes."""
Run = tuple[int, list[Segment]]


class Painted:
    """Memory of one terminal; forget it whenever somebody else may have written there."""

    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}

    def forget(self) -> None:
        """Nothing is known of the terminal any more."""
        self._rows.clear()

    def changes(self, update: CompositorUpdate, console: Console) -> str:
        """What must be written for an update. A whole screen is written whole: it also repairs."""
        if isinstance(update, LayoutUpdate):
            self.forget()
        pieces = _pieces(update)
        if pieces is None:
            self.forget()
            return update.render_segments(console)
        return "".join(
            Control.move_to(x, y).segment.text + Strip(run).simplify().render(console)
            for y, begin, strip in pieces for x, run in self._differing(self._rows.setdefault(y, {}), begin, strip))

    def _differing(self, row: Row, x: int, strip: Strip) -> Iterator[Run]:
        """Runs of segments that are not on the row yet, which they are from now on."""
        begin, run = x, list[Segment]()
        for segment in strip:
            cells = segment.cell_length
            if row.get(x) == (segment, cells):
                if run:
                    yield begin, run
                begin, run = x + cells, []
            else:
                _take(row, x, cells)
                row[x] = (segment, cells)
                run.append(segment)
            x += cells
        if run:
            yield begin, run


class Changes(CompositorUpdate):
    """An update without what is there already."""

    def __init__(self, painted: Painted, update: CompositorUpdate) -> None:
        self._painted, self._update = painted, update

    def render_segments(self, console: Console) -> str:
        """What is to be written."""
        return self._painted.changes(self._update, console)


def _take(row: Row, x: int, cells: int) -> None:
    """Forget all that reaches into these cells."""
    for begin in [at for at, (_, width) in row.items() if at < x + cells and at + width > x]:
        del row[begin]


def _pieces(update: CompositorUpdate) -> Iterable[tuple[int, int, Strip]] | None:
    """Row, column and strip of all that an update writes; nothing when it is of another kind."""
    if isinstance(update, LayoutUpdate):
        return _of_layout(update)
    return _of_chops(update) if isinstance(update, ChopsUpdate) else None


def _of_layout(update: LayoutUpdate) -> Iterator[tuple[int, int, Strip]]:
    for y, strips in enumerate(update.strips, update.region.y):
        yield y, update.region.x, Strip.join(strips)


def _of_chops(update: ChopsUpdate) -> Iterator[tuple[int, int, Strip]]:
    for y, left, right in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is None or x > right or end <= left:
                continue
            whole = left <= x < right and end <= right
            yield y, x, strip if whole else strip.crop(0, min(end, right) - x)
