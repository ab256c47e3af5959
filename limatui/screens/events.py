"""Events: what happened to machines since the dashboard was opened, whoever did it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from limatui.ink import Line
from limatui.notices import Notice
from limatui.present.keys import Key
from limatui.present.words import plural
from limatui.present.work import notice
from limatui.settings.keymap import named
from limatui.widgets.bar import Block
from limatui.widgets.listscreen import ListScreen

_NONE: tuple[Line, ...] = (
    (("Nothing happened yet.", "dim"),), (),
    (("Starts and stops by other programs, lost mounts, ports that are taken and pauses are listed here.", "faint"),),
)


class EventsScreen(ListScreen[Notice, str]):
    """The newest first; returns the name of the instance to go to, or nothing."""

    BINDINGS: ClassVar[list[BindingType]] = named("events", [
        Binding("escape,q,E", "dismiss('')", "back"), Binding("enter", "go", "go there"),
        Binding("w", "warnings", "only warnings"), Binding("y", "copy", "copy"),
    ])

    def __init__(self) -> None:
        super().__init__()
        self._only_warnings = False

    def middle(self) -> Sequence[Widget]:
        """The list, or why it is empty."""
        return self.list, Block(_NONE, id="empty")

    def line(self, item: Notice, cells: int) -> Line:
        """One event."""
        return ("  ", ""), *notice(item, cells - 2)

    def key(self, item: Notice) -> tuple[float, str, str]:
        """When, of which machine, what."""
        return item.at, item.name, item.text

    def keys(self) -> Sequence[Key]:
        """To the machine, or a choice of events."""
        some = self.list.current is not None
        return (Key("j k", "choose"), Key("enter", "go there", some, "go"),
                Key("w", "all" if self._only_warnings else "only warnings", True, "warnings"),
                Key("y", "copy", some, "copy"), Key("esc", "back", True, "dismiss('')"))

    def on_mount(self) -> None:
        """Follow the fleet."""
        self.watch(self.app, "fleet", self.draw)

    def draw(self) -> None:
        """What happened so far."""
        known = self.board.bridge.notices
        warnings = [each for each in known if each.mark in ("warn", "bad")]
        self.list.show(warnings if self._only_warnings else known)
        self.head.show((
            ("events", "bold"), (f"  {plural(len(known), 'event')}, {plural(len(warnings), 'warning')}", "dim"),
            ("   only warnings" if self._only_warnings else "", "warn")))
        super().draw()

    def action_go(self) -> None:
        """To the instance."""
        if self.list.current is not None:
            self.dismiss(self.list.current.name)

    def action_warnings(self) -> None:
        """Only what is wrong, or everything again."""
        self._only_warnings = not self._only_warnings
        self.draw()

    def action_copy(self) -> None:
        """Copy the line."""
        chosen = self.list.current
        if chosen is not None:
            self.board.copy(f"{chosen.name} {chosen.text}")
