"""Marking text in a terminal with the mouse, and copying it."""

from __future__ import annotations

from functools import partial

from textual import events
from textual.geometry import Offset
from textual.timer import Timer
from textual.widget import Widget

from limatui.widgets.background import begin
from limatui.widgets.copying import copy_lines
from limatui.widgets.terminal.grid import Grid

UNITS = ("cell", "word", "line")
"""What one, two and three clicks mark."""
_AGAIN = 0.5
"""Seconds within which another click on the same cell belongs to the one before."""
_SCROLL = 1 / 20
"""Seconds between two steps while the mouse is held past an edge."""


class Marking(Widget):
    """A widget with a grid whose text can be marked and copied."""

    ALLOW_SELECT = False  # Textual's own selection knows cells of the window, not the text that moves through them.

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.grid: Grid | None = None
        self.copied = ""
        self.marks: dict[int, tuple[int, int]] = {}
        self._pressed: tuple[Offset, float, int] = (Offset(-1, -1), 0.0, 0)
        self._mouse_at = Offset(0, 0)
        self._dragging: Timer | None = None

    def paint(self) -> None:
        """Bring what changed to the screen."""
        raise NotImplementedError

    def follow_marks(self) -> None:
        """After the rows are up to date: find what is marked where its text is now."""
        before, self.marks = self.marks, self.grid.marks() if self.grid is not None else {}
        if before != self.marks:
            self.refresh()

    def action_unmark(self) -> None:
        """Mark nothing."""
        if self.grid is not None:
            self.grid.unmark()
            self.paint()

    def action_copy(self) -> None:
        """Copy what is marked, or all that is visible."""
        self.copied = self.grid.marked() or self.grid.text() if self.grid is not None else ""
        begin(self, "copy", partial(copy_lines, self, self.copied))

    def press(self, event: events.MouseDown) -> None:
        """Begin to mark a cell, a word or a line."""
        at = event.get_content_offset_capture(self)
        place, when, count = self._pressed
        count = count % len(UNITS) + 1 if place == at and event.time - when < _AGAIN else 1
        self._pressed = at, event.time, count
        if self.grid is None or at.y >= len(self.grid.rows):
            return
        self.grid.mark(*self._inside(at), UNITS[count - 1])
        if count > 1:
            self.grid.mark_to(*self._inside(at))
        self.capture_mouse()
        self._mouse_at = at
        self._dragging = self.set_interval(_SCROLL, self._drag_on)
        self.paint()

    @property
    def is_dragging(self) -> bool:
        """Whether the mouse is held to mark."""
        return self._dragging is not None

    def drag(self, event: events.MouseMove) -> None:
        """Mark up to where the mouse is."""
        self._mouse_at = event.get_content_offset_capture(self)
        self._mark_to_mouse()

    def _drag_on(self) -> None:
        """Past an edge the text comes to the mouse."""
        y, rows = self._mouse_at.y, len(self.grid.rows) if self.grid is not None else 0
        if self.grid is not None and not 0 <= y < rows:
            self.grid.scroll(max(-rows, y) if y < 0 else min(rows, y - rows + 1))
            self._mark_to_mouse()

    def _mark_to_mouse(self) -> None:
        if self.grid is not None and (self.marks or self._pressed[0] != self._mouse_at):
            self.grid.mark_to(*self._inside(self._mouse_at))
            self.paint()

    def _inside(self, at: Offset) -> tuple[int, int]:
        rows = len(self.grid.rows) if self.grid is not None else 1
        return min(max(0, at.x), self.content_size.width - 1), min(max(0, at.y), rows - 1)

    def let_go(self) -> bool:
        """The button is up: whether it was held to mark."""
        if self._dragging is None:
            return False
        self._dragging.stop()
        self._dragging = None
        self.release_mouse()
        return True
