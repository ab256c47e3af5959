"""The row of panes: `1 Overview  2 Console …`, with a line under it."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.message import Message

from limatui.ink import Line
from limatui.widgets.lines import Lines

_GAP = 3


class TabBar(Lines):
    """Two rows: titles, and a hairline with the active one in the accent colour."""

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, titles: Sequence[str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._titles = tuple(titles)
        self._active = 0

    def on_mount(self) -> None:
        """Draw."""
        self.activate(0)

    def activate(self, index: int) -> None:
        """Mark another tab."""
        self._active = index
        self.show(tab_lines(self._titles, index, self.size.width))

    def on_resize(self) -> None:
        """The hairline is as long as the pane is wide."""
        self.activate(self._active)

    def on_click(self, event: events.Click) -> None:
        """The tab under the pointer."""
        for index, (start, end) in enumerate(places(self._titles)):
            if start <= event.x < end:
                self.post_message(self.Chosen(index))


def places(titles: Sequence[str]) -> list[tuple[int, int]]:
    """First and last column of each tab."""
    found, column = [], 1
    for title in titles:
        found.append((column, column + len(title) + 2))
        column += len(title) + 2 + _GAP
    return found


def tab_lines(titles: Sequence[str], active: int, cells: int) -> tuple[Line, Line]:
    """The titles and the line under them."""
    names: list[tuple[str, str]] = [(" ", "")]
    under: list[tuple[str, str]] = [(" ", "")]
    for index, title in enumerate(titles):
        here = index == active
        names += [(f"{index + 1} ", "accent-key" if here else "faint"), (title, "bold" if here else "dim"),
                  (" " * _GAP, "")]
        under += [("━" * (len(title) + 2), "accent-key" if here else "hairline"), ("─" * _GAP, "hairline")]
    used = places(titles)[-1][1] + _GAP
    under.append(("─" * max(0, cells - used - 1), "hairline"))
    return tuple(names), tuple(under)
