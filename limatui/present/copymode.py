"""Moving about in a terminal's text with keys, as in less and tmux: pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.cells import cell_len

from limatui.widgets.terminal.grid import Cursor

Cells = Sequence[str]
"""A row, a character for each cell; the second cell of a wide one is empty."""
FAR = 1_000_000
KEYS = {
    "h": "left", "left": "left", "l": "right", "right": "right", "k": "up", "up": "up", "j": "down", "down": "down",
    "0": "start", "home": "start", "circumflex_accent": "first", "dollar_sign": "end", "end": "end",
    "w": "word", "b": "back", "e": "word_end", "g": "oldest", "G": "newest", "H": "top", "M": "middle", "L": "bottom",
    "ctrl+u": "half_up", "ctrl+d": "half_down", "pageup": "page_up", "pagedown": "page_down",
    "ctrl+b": "page_up", "ctrl+f": "page_down",
}
"""A key and the move it makes."""
_ROWS: dict[str, Callable[[int], int]] = {
    "up": lambda height: -1, "down": lambda height: 1, "oldest": lambda height: -FAR, "newest": lambda height: FAR,
    "half_up": lambda height: -(height // 2), "half_down": lambda height: height // 2,
    "page_up": lambda height: -max(1, height - 2), "page_down": lambda height: max(1, height - 2),
}
_PLACES: dict[str, Callable[[int], int]] = {
    "top": lambda height: 0, "middle": lambda height: height // 2, "bottom": lambda height: height - 1,
}


def cells(text: str, width: int) -> tuple[str, ...]:
    """A row as its cells, as many as the window has."""
    found: list[str] = []
    for char in text:
        columns = cell_len(char)
        if columns:
            found += [char, *[""] * (columns - 1)]
        elif found:
            found[-1 if found[-1] else -2] += char
    return tuple((found + [" "] * width)[:width])


def moved(rows: Sequence[Cells], at: Cursor, move: str) -> Cursor:
    """Where a move leads; a row before the first or after the last one asks for scrolling."""
    height, row = len(rows), rows[at.y]
    if move in _ROWS:
        return Cursor(at.x, at.y + _ROWS[move](height))
    if move in _PLACES:
        return Cursor(at.x, _PLACES[move](height))
    if move in ("word", "back", "word_end"):
        return _word(rows, at, move)
    return Cursor(_along(row, at.x, move), at.y)


def _along(row: Cells, x: int, move: str) -> int:
    filled = [at for at, char in enumerate(row) if char.strip()]
    if move == "left":
        return max(0, x - (2 if x > 1 and not row[x - 1] else 1))
    if move == "right":
        return min(len(row) - 1, x + (2 if x + 1 < len(row) and not row[x + 1] else 1))
    if move == "start" or not filled:
        return 0
    return filled[0] if move == "first" else filled[-1]


def _word(rows: Sequence[Cells], at: Cursor, move: str) -> Cursor:
    here = at.y, at.x
    if move == "back":
        found = [place for place in _edges(rows[: at.y + 1], first=True) if place < here]
        return Cursor(found[-1][1], found[-1][0]) if found else Cursor(0, at.y - 1)
    after = (place for place in _edges(rows, first=move == "word") if place > here)
    y, x = next(after, (at.y + 1, 0))
    return Cursor(x, y)


def _edges(rows: Sequence[Cells], *, first: bool) -> Iterable[tuple[int, int]]:
    """The first or last cells of all words."""
    for y, row in enumerate(rows):
        for x, char in enumerate(row):
            beside = row[x - 1] if first and x else row[x + 1] if not first and x + 1 < len(row) else " "
            if char.strip() and beside.isspace():
                yield y, x
