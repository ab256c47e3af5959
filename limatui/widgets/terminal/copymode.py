"""The copy mode of a terminal: a caret goes through all that was printed and marks what is to be copied."""

from __future__ import annotations

from typing import ClassVar

from limatui.present import copymode
from limatui.widgets.terminal.grid import Cursor, Grid, row_text
from limatui.widgets.terminal.marking import Marking


class CopyMode(Marking):
    """Keys of less and tmux; while it lasts every key belongs to it."""

    OWN_KEYS: ClassVar[dict[str, str]] = {
        "v": "begin_cell", "space": "begin_cell", "V": "begin_line", "y": "copy", "enter": "copy", "f10": "copy",
        "escape": "end", "q": "end",
    }
    """Keys beside those that move."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.copying = False
        self.caret: Cursor | None = None

    def follow_caret(self) -> None:
        """After the rows are up to date: find the caret where its text is now."""
        before, self.caret = self.caret, self._found_caret(self.grid) if self.grid is not None else None
        if before != self.caret:
            self.refresh()

    def _found_caret(self, grid: Grid) -> Cursor | None:
        if not self.copying:
            return None
        found = grid.pinned()
        if found is None or found.y < 0:
            # Its text left the window upwards: go after it, or to the oldest row when it is gone.
            grid.scroll(found.y if found is not None else -copymode.FAR)
            grid.refresh()
            found = Cursor(found.x if found is not None else 0, 0)
            grid.pin(found)
        return found._replace(y=min(found.y, len(grid.rows) - 1))

    def action_mark(self) -> None:
        """Begin the copy mode: keys move a caret through all that was printed."""
        if self.grid is None or not self.grid.interactive:
            return
        self.copying = True
        cursor = self.grid.cursor
        self.grid.pin(cursor if cursor is not None else Cursor(0, len(self.grid.rows) - 1))
        self.paint()

    def end_copying(self) -> None:
        """End it, and mark nothing."""
        if self.grid is not None:
            self.copying = False
            self.grid.pin(None)
            self.grid.scroll_end()
            self.action_unmark()

    def copy_key(self, key: str) -> bool:
        """Whether a key means something in the copy mode; does it."""
        if key in copymode.KEYS:
            self._go(copymode.KEYS[key])
        elif key in self.OWN_KEYS:
            self.copy_action(self.OWN_KEYS[key])
        else:
            return False
        return True

    def copy_action(self, name: str) -> None:
        """What the keys of the copy mode do that do not move."""
        if name == "end":
            self.end_copying()
        elif name == "copy":
            self.action_copy()
            self.end_copying()
        elif self.grid is not None and self.caret is not None and name.startswith("begin_"):
            if self.marks:
                self.grid.unmark()
            else:
                self.grid.mark(*self.caret, name.removeprefix("begin_"))
                self.grid.mark_to(*self.caret)
            self.paint()

    def _go(self, move: str) -> None:
        if self.grid is None or self.caret is None:
            return
        rows = [copymode.cells(row_text(row), self.content_size.width) for row in self.grid.rows]
        self.put_caret(copymode.moved(rows, self.caret, move))

    def put_caret(self, to: Cursor) -> None:
        """Move the caret, and what is marked up to it; rows outside the window are scrolled to."""
        if self.grid is None:
            return
        last = len(self.grid.rows) - 1
        if not 0 <= to.y <= last:
            self.grid.scroll(to.y if to.y < 0 else to.y - last)
        self.grid.pin(Cursor(to.x, min(max(0, to.y), last)))
        if self.marks:
            self.grid.mark_to(to.x, min(max(0, to.y), last))
        self.paint()
