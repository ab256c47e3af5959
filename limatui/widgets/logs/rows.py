"""Lines of a log as rows of the screen: one each, or as many as they need when wrapped or unfolded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from rich.cells import cell_len

from limatui.ink import Line, Span, cut, fit, pad, width
from limatui.present.words import size
from limatui.widgets.logs.file import LineAt
from limatui.widgets.logs.line import fields, record_of, shifted, shown, with_hits, written

TAGS = ("number", "protected", "running", "accent-key", "dim")
_KEY_CELLS = 32


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


class Screen(NamedTuple):
    """The room for rows, and the line that must be in it."""

    cells: int
    height: int
    cursor: int


def rows(lines: Sequence[LineAt], look: Look, unfolded: set[tuple[int, int]], screen: Screen) -> list[Row]:
    """The rows that are seen: from the first line on if the cursor is there then, else up to the cursor."""
    dated = look.times and len({int(line.time // 86400) for line in lines}) > 1
    found: list[Row] = []
    for number in range(min(screen.cursor, len(lines) - 1), -1, -1):
        found[:0] = _rows_of(number, lines[number], look, unfolded, screen, dated)
        if len(found) >= screen.height:
            return found[-screen.height:]
    for number in range(screen.cursor + 1, len(lines)):
        if len(found) >= screen.height:
            break
        found += _rows_of(number, lines[number], look, unfolded, screen, dated)
    return found[: screen.height]


def _rows_of(number: int, line: LineAt, look: Look, unfolded: set[tuple[int, int]], screen: Screen,
             dated: bool) -> list[Row]:
    ahead = before(line, look, dated=dated)
    room = max(8, screen.cells - width(ahead))
    empty: Line = ((" " * width(ahead), ""),)
    texts = _texts(line, look, room, max(3, screen.height - 1), (line.track, line.start) in unfolded)
    return [Row((*(empty if at else ahead), *text), number) for at, text in enumerate(texts)]


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
    if unfolded and not look.raw and look.json[line.track] and (record := record_of(line)) is not None:
        return [with_hits(each, look.needle) for each in _limited([cut(text, room), *_unfolded(record, room)], most, 0)]
    if look.wrap or unfolded:
        text, left_out = _shortened(text, room * most)
        return _limited(wrapped(with_hits(text, look.needle), room), most, line.cut + left_out)
    # Only what may be seen is searched for finds: a line can be as long as 8 KB.
    text, _ = _shortened(shifted(text, look.shift), room + 1 + len(look.needle))
    return [_one_row(with_hits(text, look.needle), room, line.cut)]


def _shortened(text: Line, most: int) -> tuple[Line, int]:
    """At most so many characters, and how many were left out."""
    kept: list[Span] = []
    left_out = 0
    for part, marks in text:
        if most > 0:
            kept.append((part[:most], marks))
        left_out += max(0, len(part) - max(0, most))
        most -= len(part)
    return tuple(kept), left_out


def _one_row(text: Line, room: int, left_out: int) -> Line:
    if not left_out:
        return text
    mark = more(left_out).removeprefix("…")
    return (*pad((*text, ("…", "faint")), room - len(mark)), (mark, "faint"))


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
    """At most so many rows; the last one says how much is left out."""
    if not left_out and len(texts) <= most:
        return texts
    left_out += sum(len(part) for text in texts[most - 1 :] for part, _ in text)
    return [*texts[: most - 1], ((more(left_out), "faint"),)]


def _unfolded(record: dict[str, object], room: int) -> Iterable[Line]:
    found = fields(record)
    column = min(_KEY_CELLS, max((cell_len(name) for name, _ in found), default=0))
    for name, value in found:
        for at, piece in enumerate(wrapped(((value, ""),), max(8, room - column - 4))):
            yield (("  ", ""), (fit(name if at == 0 else "", column), "dim"), ("  ", ""), *piece)
