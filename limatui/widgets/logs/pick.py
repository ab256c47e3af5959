"""A list of all logs to pick from: how big each is, when it was last written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from limatui.ink import Line, fit
from limatui.present.logs import Choice
from limatui.present.words import duration, size
from limatui.sanitize import sanitize_line
from limatui.settings.keymap import named
from limatui.widgets.ask import key_line
from limatui.widgets.background import begin
from limatui.widgets.bar import Block
from limatui.widgets.picklist import PickList


class Entry(NamedTuple):
    """One line of the list."""

    number: int
    label: str
    logs: int
    size: int
    changed: float


def entries(offered: Sequence[Choice]) -> list[Entry]:
    """Look at the files."""
    found = []
    for number, choice in enumerate(offered):
        size, changed = 0, 0.0
        for source in choice.sources:
            try:
                stat = source.log.path.stat()
            except OSError:
                continue
            size, changed = size + stat.st_size, max(changed, stat.st_mtime)
        found.append(Entry(number, choice.label, len(choice.sources), size, changed))
    return found


def entry_line(entry: Entry, cells: int, now: float) -> Line:
    """Name, size, age."""
    number, unit = size(entry.size) if entry.size else ("empty", "")
    age = f"{duration(now - entry.changed)} ago" if entry.changed else "gone"
    if not entry.logs:
        number = age = ""
    return (("  ", ""), (fit(entry.label, max(12, cells - 32)), ""), (f"{number:>8} ", "number"), (f"{unit:<4}", "dim"),
            (f"{age:>14}", "dim"))


class _Entries(PickList[Entry]):
    ground = "panel-ground"


class PickLog(ModalScreen[int | None]):
    """Returns the number of the log, None on escape."""

    BINDINGS: ClassVar[list[BindingType]] = named("logs", [
        Binding("escape,q,o", "dismiss(None)", "leave it"), Binding("enter", "pick", "show"),
    ])
    def __init__(self, name: str, offered: Sequence[Choice], current: int) -> None:
        super().__init__()
        self._machine, self._offered, self._current = name, tuple(offered), current
        self._list = _Entries(lambda entry, cells: entry_line(entry, cells, time.time()), lambda entry: entry.number)

    def compose(self) -> ComposeResult:
        """Title, logs, keys."""
        keys = key_line(("enter", "show", True), ("esc", "leave it", True))
        with Vertical(classes="sheet"):
            yield Block([(("logs of ", "dim"), (sanitize_line(self._machine), "bold"))], ground="panel-ground")
            yield self._list
            yield Block([keys], ground="panel-ground")

    def on_mount(self) -> None:
        """Look at the files in a thread."""
        self._list.styles.height = len(self._offered)
        self._list.focus()
        begin(self, "entries", partial(self._fill, self._current))

    async def _fill(self, current: int) -> None:
        self._list.show(await asyncio.to_thread(entries, self._offered))
        self._list.action_move(current)

    @on(PickList.Moved)
    def _moved(self, event: PickList.Moved) -> None:
        event.stop()

    def action_pick(self) -> None:
        """Show it."""
        chosen = self._list.current
        self.dismiss(None if chosen is None else chosen.number)
