"""Settings: what is in force and where it comes from; theme, columns, refresh and countdown are changed by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from limatui.ink import Line
from limatui.present import settings as present
from limatui.present.keys import Key
from limatui.present.settings import Item
from limatui.present.words import plural
from limatui.settings import shown_file
from limatui.tomledit import Value
from limatui.widgets.bar import Bar, Block
from limatui.widgets.footer import Footer
from limatui.widgets.picklist import PickList

if TYPE_CHECKING:
    from limatui.app import Dashboard


class SettingsScreen(ModalScreen[None]):
    """A list; what is chosen is changed at once, and written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,comma", "dismiss", "back"), Binding("right,greater_than_sign", "turn(1)", "next"),
        Binding("left,less_than_sign", "turn(-1)", "before"), Binding("space", "show", "show or hide"),
        Binding("y", "copy", "copy"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.list: PickList[Item] = PickList(self._line, lambda each: each.key)
        self._head, self._problems, self._foot = Bar(ground="panel-ground"), Block(id="problems"), Footer()
        self._detail = Block(id="assignment")

    def compose(self) -> ComposeResult:
        """Title, problems, settings, how it would stand in the file, keys."""
        yield self._head
        yield self._problems
        yield self.list
        yield self._detail
        yield self._foot

    @property
    def board(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    def on_mount(self) -> None:
        """Follow the settings."""
        self.watch(self.app, "settings", self._draw)
        self.list.focus()

    def _line(self, item: Item, cells: int) -> Line:
        return present.line(self.board.settings, item, "settings.toml", cells)

    def _draw(self) -> None:
        settings = self.board.settings
        problems: list[Line] = [(("! ", "warn"), (each, "warn")) for each in settings.problems]
        self._problems.show(problems)
        self._problems.display = bool(problems)
        self._head.show((("settings", "bold"), (f"  {shown_file()}", "dim")),
                        ((plural(len(problems), "problem"), "warn") if problems else ("", ""),))
        self.list.show(present.items(settings))
        self.list.refresh()
        self._draw_chosen()

    def _draw_chosen(self) -> None:
        settings, chosen = self.board.settings, self.list.current
        if chosen is None:
            return
        turns = present.turned(settings, chosen, 1) is not None
        toggles = present.toggled(settings, chosen) is not None
        by_hand = (("   set in the file by hand", "faint"),) if not turns and not toggles else ()
        self._detail.show(((("in the file   ", "faint"), (present.assignment(settings, chosen), "dim"), *by_hand),))
        words = ("move left", "move right") if chosen.key.startswith("columns.") else ("before", "next")
        self._foot.keys((
            Key("j k", "choose"), Key("<", words[0], turns, "turn(-1)"), Key(">", words[1], turns, "turn(1)"),
            Key("space", "show or hide", toggles, "show"), Key("y", "copy", True, "copy"),
            Key("esc", "back", True, "dismiss")), ())

    def on_pick_list_moved(self, event: PickList.Moved) -> None:
        """Another one."""
        event.stop()
        self._draw_chosen()

    def on_footer_pressed(self, event: Footer.Pressed) -> None:
        """A key was clicked."""
        if event.key.action:
            self.call_next(self.run_action, event.key.action)

    def _choose(self, wish: tuple[str, Value] | None) -> None:
        if wish is not None:
            self.board.choose(*wish)

    def action_turn(self, step: int) -> None:
        """Another value; for a column, another place."""
        if self.list.current is not None:
            self._choose(present.turned(self.board.settings, self.list.current, step))

    def action_show(self) -> None:
        """Show the column, or hide it."""
        if self.list.current is not None:
            self._choose(present.toggled(self.board.settings, self.list.current))

    def action_copy(self) -> None:
        """Copy how it would stand in the file."""
        if self.list.current is not None:
            self.board.copy(present.assignment(self.board.settings, self.list.current))
