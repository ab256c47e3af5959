"""Lines of a log as rows of the screen: one each, or as many as they need when wrapped or unfolded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from rich.cells import cell_len

from limatui.ink import Line, Span, cut, fit, pad, width
from limatui.present.words import size
from limatui.widgets.logfile import LineAt
from limatui.widgets.logline import fields, record_of, shifted, shown, with_hits, written

TAGS = ("number", "protected", "running", "accent-key", "dim")
_KEY_CELLS = 24


class Look(NamedTuple):
    """How lines are drawn. `times` draws when they were written, `tags` of which log they are."""

    json: tuple[bool, ...] = (False,)
    tags: tuple[str, ...] = ()
    times: bool = False
    clock: bool = True
    raw: bool = False
    wrap: bool = False
    shift: int = 0
    needle: str = ""


class Row(NamedTuple):
    """A row of the screen, and which line of the page it is of."""

    text: Line
    line: int


def rows(lines: Sequence[LineAt], look: Look, unfolded: set[tuple[int, int]], cells: int, most: int) -> list[Row]:
    """The rows of these lines; one line has at most `most`."""
    dated = look.times and len({int(line.time // 86400) for line in lines}) > 1
    found = []
    for number, line in enumerate(lines):
        ahead = before(line, look, dated=dated)
        room = max(8, cells - width(ahead))
        found += [Row((*(ahead if at == 0 else ((" " * width(ahead), ""),)), *text), number)
                  for at, text in enumerate(_texts(line, look, room, most, (line.track, line.start) in unfolded))]
    return found


def before(line: LineAt, look: Look, *, dated: bool = False) -> Line:
    """What stands before a line: its time, with a sign where that is an estimate, and its log."""
    spans: list[Span] = []
    if look.times:
        moment = datetime.fromtimestamp(line.time)
        told = moment.strftime("%m-%d %H:%M:%S" if dated else "%H:%M:%S")
        spans.append((f"{'≈' if line.about else ' '}{told}  ", "faint"))
    if look.tags:
        cells = max(map(cell_len, look.tags))
        spans.append((f"{fit(look.tags[line.track], cells)}  ", TAGS[line.track % len(TAGS)]))
    return tuple(spans)


def body(line: LineAt, look: Look) -> Line:
    """The line itself."""
    return written(line) if look.raw else shown(line, look.json[line.track], look.clock)


def _texts(line: LineAt, look: Look, room: int, most: int, unfolded: bool) -> list[Line]:
    text = body(line, look)
    if unfolded and not look.raw and (record := record_of(line)) is not None:
        return [with_hits(each, look.needle) for each in _limited([cut(text, room), *_unfolded(record, room)], most, 0)]
    if look.needle:
        text = with_hits(text, look.needle)
    if look.wrap or unfolded:
        return _limited(wrapped(text, room), most, line.cut)
    return [_one_row(shifted(text, look.shift), room, line.cut)]


def _one_row(text: Line, room: int, left_out: int) -> Line:
    if not left_out:
        return text
    mark = more(left_out)
    return (*pad(text, room - len(mark) - 1), (f" {mark}", "faint"))


def more(count: int) -> str:
    """`… +1.2 MiB`, for what is not shown of a line."""
    number, unit = size(count)
    return f"… +{number} {unit}"


def wrapped(text: Line, room: int) -> list[Line]:
    """The line in pieces of at most `room` cells."""
    found: list[list[Span]] = [[]]
    left = room
    for part, marks in text:
        while part:
            piece = _head(part, left)
            if piece:
                found[-1].append((piece, marks))
                left, part = left - cell_len(piece), part[len(piece):]
            if part:
                found.append([])
                left = room
    return [tuple(each) for each in found]


def _head(text: str, cells: int) -> str:
    piece = text[:cells]
    while cell_len(piece) > cells:
        piece = piece[:-1]
    return piece


def _limited(texts: list[Line], most: int, left_out: int) -> list[Line]:
    if len(texts) > most:
        left_out += sum(len(part) for text in texts[most - 1 :] for part, _ in text)
        texts = texts[: most - 1]
    elif not left_out:
        return texts
    return [*texts, ((more(left_out), "faint"),)]


def _unfolded(record: dict[str, object], room: int) -> Iterable[Line]:
    found = fields(record)
    column = min(_KEY_CELLS, max((cell_len(name) for name, _ in found), default=0)) + 2
    for name, value in found:
        for at, piece in enumerate(wrapped(((value, ""),), max(8, room - column - 2))):
            yield (("  ", ""), (fit(name if at == 0 else "", column), "dim"), *piece)
