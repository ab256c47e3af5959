"""Windows on real files for the tests of the log viewer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from limacore.model.logfile import LogFile
from limatui.logs.reading import Found, Order, Reading
from limatui.logs.sift import EVERYTHING, Wanted
from limatui.logs.track import Source, Track
from limatui.logs.window import Page, Window
from limatui.widgets.logs.file import LineAt


def source(path: Path, *, json: bool = False, began: float = 0.0, tag: str = "") -> Source:
    return Source(LogFile(path.stem, path, json, began), tag or path.stem)


def window(*sources: Path | Source, wanted: Wanted = EVERYTHING) -> Window:
    found = [each if isinstance(each, Source) else source(each) for each in sources]
    made = Window([Track(each, number, timed=len(found) > 1) for number, each in enumerate(found)])
    made.refresh()
    made.choose(wanted)
    return made


def settled(reading: Reading, height: int = 10, *orders: Order) -> tuple[Page, Found]:
    """Turns until nothing is left to read."""
    page, found = reading.turn(orders, height)
    while reading.busy or page.looking:
        page, found = reading.turn((), height)
    return page, found


def texts(lines: Sequence[LineAt]) -> list[bytes]:
    return [line.data for line in lines]
