"""What a terminal looks like as values, and the plain reading view for systems without the terminal library."""

from __future__ import annotations

import codecs
from collections import deque
from typing import NamedTuple, Protocol

from limatui.sanitize import log_line, sanitize_line

SLICE = 64 * 1024
"""Most bytes fed at once: a slice takes well under a millisecond, so keys stay live during a flood."""

Color = int | tuple[int, int, int] | None
"""A palette index 0 to 255, an RGB triple, or None for the default."""


class Look(NamedTuple):
    """How a run of cells looks."""

    fg: Color = None
    bg: Color = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False
    inverse: bool = False
    hidden: bool = False


Run = tuple[str, Look]
Row = tuple[Run, ...]
PLAIN = Look()


class Cursor(NamedTuple):
    """Where the cursor is on the visible rows."""

    x: int
    y: int


class Match(NamedTuple):
    """The find that is shown: its number from the newest on, of how many, and where it is on the visible rows."""

    number: int
    total: int
    y: int = -1
    start: int = 0
    end: int = 0


class Mouse(NamedTuple):
    """What the mouse did: `kind` is down, up or move; buttons are 1 left, 2 middle, 3 right, 4, 5 the wheel, 0 none."""

    kind: str
    button: int
    x: int
    y: int
    modifiers: tuple[str, ...] = ()


class Grid(Protocol):
    """A screen that is fed bytes and gives rows; `close` frees it."""

    interactive: bool
    rows: list[Row]
    cursor: Cursor | None

    def feed(self, data: bytes) -> None: ...
    def refresh(self) -> tuple[int, ...]:
        """Bring `rows` and `cursor` up to date; the numbers of the rows that changed."""

    def resize(self, cols: int, rows: int) -> None: ...
    def scroll(self, delta: int) -> None: ...
    def scroll_end(self) -> None: ...
    def position(self) -> tuple[int, int]:
        """Rows above the visible ones, and rows below them."""

    def reset(self) -> None: ...
    def replies(self) -> bytes:
        """What the terminal wants to answer to the guest since the last call."""

    def key(self, key: str, character: str | None) -> bytes: ...
    def paste(self, text: str) -> bytes: ...
    def brackets(self) -> bool:
        """Whether the guest asked to have pastes in brackets."""

    def mouse(self, report: Mouse) -> bytes: ...
    def search(self, text: str) -> int:
        """Look for `text` in everything that is kept; how many places. An empty text ends the search."""

    def seek(self, *, older: bool = True) -> Match:
        """Show the next older or newer place; number 0 when there is none."""

    def mark(self, x: int, y: int, unit: str = "cell") -> None:
        """Begin to mark cells, words or lines at a visible place."""

    def mark_to(self, x: int, y: int) -> None:
        """Mark from there up to a visible place."""

    def unmark(self) -> None: ...
    def marked(self) -> str:
        """The marked text, wrapped lines joined; empty once the guest has changed it."""

    def marks(self) -> dict[int, tuple[int, int]]:
        """By visible row its first and last marked cell; call it after `refresh`."""

    def pin(self, place: Cursor | None) -> None:
        """Follow the text at a visible place from now on, or none."""

    def pinned(self) -> Cursor | None:
        """Where that text is now, from the first visible row on: a negative row is above; None when it is gone."""

    def text(self) -> str:
        """The visible rows as text."""

    def close(self) -> None: ...


def open_grid(cols: int, rows: int) -> Grid:
    """A full terminal where the library has a build for this system, else a plain reading view."""
    try:
        # Importing costs 107 ms, so it waits until a console is shown.
        from limatui.widgets.terminal.vt import VtGrid
    except (ImportError, OSError):
        return PlainGrid(cols, rows)
    grid = VtGrid(cols, rows)
    _try_out(grid)
    return grid


def _try_out(grid: Grid) -> None:
    """Each call of the library costs up to 5 ms the first time: here, in a thread, and not when something is shown."""
    grid.feed("\x1b[31;42mtried\x1b[38;2;1;2;3;48;2;4;5;6m e\u0301\u65e5\x1b[0m\r\n".encode())
    grid.refresh()
    grid.position()
    grid.search("tried")
    grid.seek()
    grid.search("")
    grid.scroll_end()
    grid.key("a", "a")
    grid.paste("a")
    grid.reset()


def row_text(row: Row) -> str:
    """The characters of a row without trailing blanks."""
    return "".join(text for text, _look in row).rstrip()


class PlainGrid:
    """Lines only, every escape sequence removed: for reading, not for typing."""

    interactive = False
    cursor: Cursor | None = None

    def __init__(self, cols: int, rows: int, history: int = 10_000) -> None:
        self._size = (cols, rows)
        self._lines: deque[str] = deque([""], maxlen=history)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._back = 0
        self.rows: list[Row] = []

    def feed(self, data: bytes) -> None:
        """Add what the guest printed."""
        first, *others = (self._lines.pop() + self._decoder.decode(data)).split("\n")
        self._lines.append(first[-SLICE:])
        for line in others:
            self._lines[-1] = log_line(self._lines[-1])
            self._lines.append(line[-SLICE:])

    def refresh(self) -> tuple[int, ...]:
        """Every row, because lines move."""
        cols, height = self._size
        end = len(self._lines) - self._back
        shown = list(self._lines)[max(0, end - height) : end]
        lines = [log_line(line)[:cols] for line in shown] + [""] * (height - len(shown))
        old, self.rows = self.rows, [((sanitize_line(line), PLAIN),) for line in lines]
        return tuple(y for y, row in enumerate(self.rows) if y >= len(old) or old[y] != row)

    def resize(self, cols: int, rows: int) -> None:
        """Show another number of rows."""
        self._size = (cols, rows)

    def scroll(self, delta: int) -> None:
        """Move the visible rows; negative is back."""
        self._back = min(max(0, self._back - delta), max(0, len(self._lines) - self._size[1]))

    def scroll_end(self) -> None:
        """Show the newest rows."""
        self._back = 0

    def position(self) -> tuple[int, int]:
        """Rows above and below the visible ones."""
        return max(0, len(self._lines) - self._size[1] - self._back), self._back

    def reset(self) -> None:
        """Forget everything."""
        self._lines.clear()
        self._lines.append("")
        self._back = 0

    def replies(self) -> bytes:
        """Nothing: this view never answers."""
        return b""

    def key(self, key: str, character: str | None) -> bytes:
        """Nothing: this view does not type."""
        return b""

    def paste(self, text: str) -> bytes:
        """Nothing: this view does not type."""
        return b""

    def brackets(self) -> bool:
        """No: this view does not type."""
        return False

    def mouse(self, report: Mouse) -> bytes:
        """Nothing: this view does not type."""
        return b""

    def mark(self, x: int, y: int, unit: str = "cell") -> None:
        """Nothing: what is visible is copied as a whole."""

    def mark_to(self, x: int, y: int) -> None:
        """Nothing: what is visible is copied as a whole."""

    def unmark(self) -> None:
        """Nothing is marked."""

    def marked(self) -> str:
        """Nothing is marked."""
        return ""

    def marks(self) -> dict[int, tuple[int, int]]:
        """Nothing is marked."""
        return {}

    def pin(self, place: Cursor | None) -> None:
        """Nothing to follow."""

    def pinned(self) -> Cursor | None:
        """Nothing is followed."""
        return None

    def search(self, text: str) -> int:
        """Nothing: the logs pane searches files."""
        return 0

    def seek(self, *, older: bool = True) -> Match:
        """Nothing: the logs pane searches files."""
        return Match(0, 0)

    def text(self) -> str:
        """The visible rows as text."""
        return "\n".join(map(row_text, self.rows)).rstrip()

    def close(self) -> None:
        """Nothing to free."""
