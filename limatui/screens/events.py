"""Events: what happened to machines since the dashboard was opened, whoever did it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from limatui.ink import Line
from limatui.notices import Notice
from limatui.present.keys import Key
from limatui.present.words import plural
from limatui.present.work import notice
from limatui.widgets.bar import Bar, Block
from limatui.widgets.footer import Footer
from limatui.widgets.picklist import PickList

if TYPE_CHECKING:
    from limatui.app import Dashboard

_NONE: tuple[Line, ...] = (
    (("Nothing happened yet.", "dim"),), (),
    (("Starts and stops by other programs, lost mounts, ports that are taken and pauses are listed here.", "faint"),),
)


class EventsScreen(ModalScreen[str]):
    """The newest first; returns the name of the instance to go to, or nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,E", "dismiss('')", "back"), Binding("enter", "go", "go there"),
        Binding("w", "warnings", "only warnings"), Binding("y", "copy", "copy"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.list: PickList[Notice] = PickList(lambda each, width: (("  ", ""), *notice(each, width - 2)),
                                               lambda each: (each.at, each.name, each.text))
        self._head, self._empty, self._foot = Bar(ground="panel-ground"), Block(_NONE, id="empty"), Footer()
        self._worse = False

    def compose(self) -> ComposeResult:
        """Title, events, keys."""
        yield self._head
        yield self.list
        yield self._empty
        yield self._foot

    @property
    def board(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    def on_mount(self) -> None:
        """Follow the fleet."""
        self.watch(self.app, "fleet", self._draw)
        self.list.focus()

    def _draw(self) -> None:
        known = self.board.bridge.notices
        shown = [each for each in known if not self._worse or each.mark in ("warn", "bad")]
        self.set_class(not shown, "-none")
        self.list.show(shown)
        worse = sum(each.mark in ("warn", "bad") for each in known)
        self._head.show((("events", "bold"), (f"  {plural(len(known), 'event')}, {plural(worse, 'warning')}", "dim"),
                         ("   only warnings" if self._worse else "", "warn")))
        self._draw_keys()

    def _draw_keys(self) -> None:
        some = self.list.current is not None
        self._foot.keys((Key("j k", "choose"), Key("enter", "go there", some, "go"),
                         Key("w", "all" if self._worse else "only warnings", True, "warnings"),
                         Key("y", "copy", some, "copy"), Key("esc", "back", True, "dismiss('')")), ())

    def on_pick_list_moved(self, event: PickList.Moved) -> None:
        """Another one."""
        event.stop()
        self._draw_keys()

    def on_footer_pressed(self, event: Footer.Pressed) -> None:
        """A key was clicked."""
        if event.key.action:
            self.call_next(self.run_action, event.key.action)

    def action_go(self) -> None:
        """To the instance."""
        if self.list.current is not None:
            self.dismiss(self.list.current.name)

    def action_warnings(self) -> None:
        """Only what is wrong, or everything again."""
        self._worse = not self._worse
        self._draw()

    def action_copy(self) -> None:
        """Copy the line."""
        chosen = self.list.current
        if chosen is not None:
            self.board.copy(f"{chosen.name} {chosen.text}")
