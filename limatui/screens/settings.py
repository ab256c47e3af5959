"""Settings: what is in force and where it comes from; theme, columns, refresh and countdown are changed by key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from limatui.ink import Line
from limatui.present import settings as present
from limatui.present.keys import Key
from limatui.present.settings import Item
from limatui.present.words import plural
from limatui.settings.file import shown_file
from limatui.settings.keymap import named
from limatui.settings.tomledit import Value
from limatui.widgets.bar import Block
from limatui.widgets.listscreen import ListScreen


class SettingsScreen(ListScreen[Item, None]):
    """What is chosen is changed at once, and written."""

    BINDINGS: ClassVar[list[BindingType]] = named("settings", [
        Binding("escape,q,comma", "dismiss", "back"), Binding("right,greater_than_sign", "turn(1)", "next"),
        Binding("left,less_than_sign", "turn(-1)", "before"), Binding("space", "show", "show or hide"),
        Binding("y", "copy", "copy"),
    ])

    def __init__(self) -> None:
        super().__init__()
        self._problems, self._assignment = Block(id="problems"), Block(id="assignment")

    def middle(self) -> Sequence[Widget]:
        """Problems above the list, below it how the chosen one would stand in the file."""
        return self._problems, self.list, self._assignment

    def line(self, item: Item, cells: int) -> Line:
        """One setting."""
        return present.line(self.board.settings, item, "settings.toml", cells)

    def key(self, item: Item) -> str:
        """Its name in the file."""
        return item.key

    def keys(self) -> Sequence[Key]:
        """What the chosen one takes."""
        turns, toggles = self._turned(1) is not None, self._toggled is not None
        chosen = self.list.current
        moves = chosen is not None and chosen.key.startswith("columns.")
        before, after = ("move left", "move right") if moves else ("before", "next")
        return (Key("j k", "choose"), Key("<", before, turns, "turn(-1)"), Key(">", after, turns, "turn(1)"),
                Key("space", "show or hide", toggles, "show"), Key("y", "copy", True, "copy"),
                Key("esc", "back", True, "dismiss"))

    def on_mount(self) -> None:
        """Follow the settings."""
        self.watch(self.app, "settings", self.draw)

    def draw(self) -> None:
        """All settings, and what is wrong with the file."""
        settings = self.board.settings
        problems = settings.problems
        self._problems.show([(("! ", "warn"), (each, "warn")) for each in problems])
        self._problems.display = bool(problems)
        self.head.show((("settings", "bold"), (f"  {shown_file()}", "dim")),
                       ((plural(len(problems), "problem"), "warn"),) if problems else ())
        self.list.show(present.items(settings))
        super().draw()

    def draw_chosen(self) -> None:
        """How it would stand in the file."""
        chosen = self.list.current
        if chosen is not None:
            by_key = self._turned(1) is not None or self._toggled is not None
            self._assignment.show(((
                ("in the file   ", "faint"), (present.assignment(self.board.settings, chosen), "dim"),
                ("" if by_key else "   set in the file by hand", "faint")),))
        super().draw_chosen()

    def _turned(self, step: int) -> tuple[str, Value] | None:
        chosen = self.list.current
        return present.turned(self.board.settings, chosen, step) if chosen is not None else None

    @property
    def _toggled(self) -> tuple[str, Value] | None:
        chosen = self.list.current
        return present.toggled(self.board.settings, chosen) if chosen is not None else None

    def _choose(self, wish: tuple[str, Value] | None) -> None:
        if wish is not None:
            self.board.choose(*wish)

    def action_turn(self, step: int) -> None:
        """Another value; for a column, another place."""
        self._choose(self._turned(step))

    def action_show(self) -> None:
        """Show the column, or hide it."""
        self._choose(self._toggled)

    def action_copy(self) -> None:
        """Copy how it would stand in the file."""
        if self.list.current is not None:
            self.board.copy(present.assignment(self.board.settings, self.list.current))
