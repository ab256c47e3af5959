"""The row of panes: `1 Overview  2 Console …`, with a line under it."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.message import Message

from limatui.ink import Line, cut, width
from limatui.widgets.lines import Lines

_GAPS = (3, 2, 1)
_SHORT = (4, 3, 0)
"""Letters that are left of the titles beside the active one, where not even the smallest gap lets them fit."""


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
        self._beside: Line = ()

    def on_mount(self) -> None:
        """Draw."""
        self.activate(0)

    def activate(self, index: int) -> None:
        """Mark another tab."""
        self._active = index
        names, under = tab_lines(self._titles, index, self.size.width)
        room = self.size.width - width(names)
        beside = cut(self._beside, room - 2) if room > 6 else ()
        self.show([(*names, (" " * (room - width(beside) - 1), ""), *beside) if beside else names, under])

    def beside(self, line: Line) -> None:
        """What stands at the right edge, as far as there is room."""
        if line != self._beside:
            self._beside = line
            self.activate(self._active)

    def on_resize(self) -> None:
        """The hairline is as long as the pane is wide."""
        self.activate(self._active)

    def on_click(self, event: events.Click) -> None:
        """The tab under the pointer."""
        for index, (start, end) in enumerate(places(*arranged(self._titles, self._active, self.size.width))):
            if start <= event.x < end:
                self.post_message(self.Chosen(index))


def arranged(titles: Sequence[str], active: int, cells: int) -> tuple[tuple[str, ...], int]:
    """The titles as they fit into `cells`, and the gap between them."""
    shown = tuple(titles)
    for gap in _GAPS:
        if places(shown, gap)[-1][1] < cells:
            return shown, gap
    for letters in _SHORT:
        shown = tuple(title if at == active else title[:letters] for at, title in enumerate(titles))
        if places(shown, 1)[-1][1] < cells:
            break
    return shown, 1


def places(titles: Sequence[str], gap: int) -> list[tuple[int, int]]:
    """First and last column of each tab."""
    found, column = [], 1
    for title in titles:
        found.append((column, column + len(title) + 2))
        column += len(title) + 2 + gap
    return found


def tab_lines(titles: Sequence[str], active: int, cells: int) -> tuple[Line, Line]:
    """The titles and the line under them."""
    names: list[tuple[str, str]] = [(" ", "")]
    under: list[tuple[str, str]] = [(" ", "")]
    shown, gap = arranged(titles, active, cells)
    for index, title in enumerate(shown):
        here = index == active
        names += [(f"{index + 1} ", "accent-key" if here else "faint"), (title, "bold" if here else "dim"),
                  (" " * gap, "")]
        under += [("━" * (len(title) + 2), "accent-key" if here else "hairline"), ("─" * gap, "hairline")]
    used = places(shown, gap)[-1][1] + gap
    under.append(("─" * max(0, cells - used - 1), "hairline"))
    return tuple(names), tuple(under)
