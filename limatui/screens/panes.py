"""The panes of an instance, in the order of their keys, and the place where they are made, shown and entered."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from msgspec import Struct
from textual import work
from textual.containers import Container
from textual.reactive import var
from textual.timer import Timer
from textual.widget import AwaitMount, Widget

from limatui.widgets.overview import OverviewPane
from limatui.widgets.shown import Shown

if TYPE_CHECKING:
    from limatui.app import Dashboard
    from limatui.typeahead import TypeAhead

_SETTLE = 0.15
"""Seconds the cursor rests before a pane that opens sockets or files follows it."""


class Pane(Struct, frozen=True):
    """Where a pane's widget is."""

    id: str
    title: str
    module: str
    widget: str
    types: bool = False
    """Whether keys are text there: then looking at it alone does not give it the keyboard."""

    def make(self, instance: str) -> Widget:
        """The widget, for an instance."""
        made: Widget = getattr(import_module(self.module), self.widget)(instance)
        made.id = f"pane-{self.id}"
        return made


PANES = (
    Pane("overview", "Overview", "limatui.widgets.overview", "OverviewPane"),
    Pane("console", "Console", "limatui.screens.console", "ConsolePane"),
    Pane("logs", "Logs", "limatui.screens.logs", "LogsPane"),
    Pane("config", "Config", "limatui.screens.config", "ConfigPane", types=True),
    Pane("disks", "Disks", "limatui.screens.disks", "DisksPane"),
    Pane("ports", "Ports", "limatui.screens.ports", "PortsPane"),
    Pane("mounts", "Mounts", "limatui.screens.mounts", "MountsPane"),
    Pane("snapshots", "Snapshots", "limatui.screens.snapshots", "SnapshotsPane"),
    Pane("timeline", "Timeline", "limatui.screens.timeline", "TimelinePane"),
)
INDEX = {pane.id: index for index, pane in enumerate(PANES)}


class Panes(Container):
    """Makes a pane when it is first looked at; the one that is shown follows the instance."""

    instance: var[str] = var("", init=False)

    def __init__(self) -> None:
        super().__init__(OverviewPane(id="pane-overview"), id="panes")
        self._settling: Timer | None = None
        self._mounting: AwaitMount | None = None

    @property
    def shown(self) -> Widget | None:
        """The pane on the screen."""
        return next((each for each in self.children if each.display), None)

    @property
    def has_keyboard(self) -> bool:
        """Whether what is typed goes to a pane."""
        focused = self.screen.focused
        return focused is not None and self in focused.ancestors

    def look_at(self, index: int, instance: str) -> None:
        """Another pane, of this instance."""
        wanted = PANES[index]
        if not self.query_children(f"#pane-{wanted.id}"):
            self._mounting = self.mount(wanted.make(instance))
            self._complete(self._mounting)
        for each in self.children:
            each.display = each.id == f"pane-{wanted.id}"
        self.instance = instance
        self._follow()
        self.screen.call_after_refresh(self._tell)

    @work(group="panes")
    async def _complete(self, mounting: AwaitMount) -> None:
        """The cursor may have moved while a pane was being made."""
        await mounting
        self._follow()
        self.screen.call_after_refresh(self._tell)

    async def made(self) -> None:
        """Once a pane that is just being made is complete: half of one can neither be entered nor taken down."""
        if self._mounting is not None:
            await self._mounting

    def _tell(self) -> None:
        if isinstance(self.shown, Shown):
            self.shown.be_told()

    def follow(self, instance: str) -> None:
        """Another instance: the overview follows at once, the others when the cursor rests."""
        self.instance = instance
        if self._settling is not None:
            self._settling.stop()
        if isinstance(self.shown, OverviewPane):
            self._follow()
        else:
            self._settling = self.set_timer(_SETTLE, self._follow)

    def _follow(self) -> None:
        shown = self.shown
        if shown is not None and shown.is_mounted and getattr(shown, "instance", None) != self.instance:
            shown.instance = self.instance  # type: ignore[attr-defined]

    def enter_when_made(self, action: str = "") -> None:
        """Give the pane the keyboard, then do what it can do; one that is being made has nothing yet that takes it."""
        self._typeahead.hold()
        self._enter_when_made(action)

    @work(group="enter", exclusive=True)
    async def _enter_when_made(self, action: str) -> None:
        await self.made()
        self.screen.call_after_refresh(self.enter, action)

    async def enter(self, action: str = "") -> None:
        """Give the pane the keyboard, and do what it can do."""
        shown = self.shown
        target = next((each for each in shown.query("*") if each.can_focus and each.display), None) if shown else None
        if target is not None:
            self.screen.set_focus(target)
        self._typeahead.release()
        if shown is not None and action:
            await shown.run_action(action)

    @property
    def _typeahead(self) -> TypeAhead:
        board: Dashboard = self.app  # type: ignore[assignment]
        return board.typeahead

    @property
    def unsaved(self) -> list[str]:
        """What has changes that are not saved, in any of the panes."""
        return [name for pane in self.children for name in getattr(pane, "unsaved", ())]

    async def drop_unsaved(self) -> None:
        """Forget those changes."""
        for pane in self.query_children("#pane-config"):
            await pane.drop_all()  # type: ignore[attr-defined]
