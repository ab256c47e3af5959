"""Marked text that does not scroll: one line across a pane (`Bar`), or several lines (`Block`)."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Size
from textual.strip import Strip

from limatui.ink import Line, spread
from limatui.widgets.inked import Inked


class Bar(Inked):
    """A header or status line; `show` changes it and repaints only when it differs."""

    DEFAULT_CSS = "Bar { height: 1; width: 1fr; padding: 0 1; }"

    def __init__(self, *, ground: str = "ground", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._ground = ground
        self._text: tuple[Line, Line] = ((), ())

    def show(self, left: Line, right: Line = ()) -> None:
        """Another text."""
        if self._text != (left, right):
            self._text = (left, right)
            self.refresh()

    @property
    def text(self) -> tuple[Line, Line]:
        """What is shown now."""
        return self._text

    def render_line(self, y: int) -> Strip:
        """The one line."""
        width = self.content_size.width
        return self.ink.strip(spread(*self._text, width), width, self._ground)


class Block(Inked):
    """Lines under each other, as high as they are many; each is cut at the right edge."""

    DEFAULT_CSS = "Block { height: auto; width: 1fr; }"

    def __init__(self, lines: Sequence[Line] = (), *, ground: str = "ground", id: str | None = None) -> None:
        super().__init__(id=id)
        self._ground = ground
        self._lines: tuple[Line, ...] = tuple(lines)

    def show(self, lines: Sequence[Line]) -> None:
        """Other lines."""
        new = tuple(lines)
        if new != self._lines:
            layout = len(new) != len(self._lines)
            self._lines = new
            self.refresh(layout=layout)

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is shown now."""
        return self._lines

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many rows as lines."""
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        """One of the lines."""
        return self.ink.strip(self._lines[y] if y < len(self._lines) else (), self.content_size.width, self._ground)
