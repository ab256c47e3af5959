"""Many lines of marked text in a fixed area; only the rows that differ are painted again."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from limatui.ink import Line, plain
from limatui.widgets.inked import Inked


class Lines(Inked):
    """Shows lines from the top; `ground` is the colour token behind them."""

    ground = "ground"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = ()

    def show(self, lines: Sequence[Line]) -> None:
        """Other lines: repaint the rows that differ."""
        new, old = tuple(lines), self._lines
        self._lines = new
        last = len(new)
        changed = [y for y in range(max(len(old), last)) if y >= last or y >= len(old) or new[y] != old[y]]
        if changed:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    @property
    def text(self) -> str:
        """What is shown, without colours."""
        return "\n".join(plain(line).rstrip() for line in self._lines)

    def render_line(self, y: int) -> Strip:
        """One row."""
        line = self._lines[y] if y < len(self._lines) else ()
        return self.ink.strip(line, self.size.width, self.ground)


def set_rows(widget: Widget, rows: int) -> None:
    """Make it so high, only when it is not: setting a style lays the whole screen out again."""
    if widget.styles.height is None or widget.styles.height.value != rows:
        widget.styles.height = rows
