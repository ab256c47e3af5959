"""The mounts pane: directories of this computer in the guest, whether they really are there, mount again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.widget import Widget

from limacore.model.instance import Instance, Status
from limacore.model.mount import MountState
from limatui.messages import JobWanted
from limatui.present import mounts as present
from limatui.widgets.bar import Bar, Block
from limatui.widgets.picklist import PickList

if TYPE_CHECKING:
    from limatui.app import Dashboard

_TALL = 12
"""Rows from which on the mount under the cursor is described below the list."""


class MountsPane(Widget):
    """The mounts of one instance."""

    instance: reactive[str] = reactive("", init=False)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "remount", "mount again"), Binding("e", "screen.do('edit')", "edit"),
        Binding("y", "copy", "copy path"),
    ]

    def __init__(self, instance: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.set_reactive(MountsPane.instance, instance)
        self.list: PickList[MountState] = PickList(lambda each, width: present.line(each, self._up, width),
                                                   present.key_of)
        self._titles, self._empty, self._foot = Bar(classes="titles"), Block(id="empty"), Bar(classes="foot")
        self._more = Block(id="more")

    def compose(self) -> ComposeResult:
        """Titles, mounts, the one under the cursor, the sums."""
        yield self._titles
        yield self.list
        yield self._empty
        yield self._more
        yield self._foot

    @property
    def board(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    @property
    def subject(self) -> Instance | None:
        """The instance whose mounts these are."""
        return self.board.fleet.get(self.instance)

    @property
    def _up(self) -> bool:
        return self.subject is not None and self.subject.status is Status.RUNNING

    def on_mount(self) -> None:
        """Follow the fleet."""
        self.watch(self.app, "fleet", self._draw)

    def on_resize(self, event: events.Resize) -> None:
        """Titles as wide as the list, details where there is room."""
        self.set_class(event.size.height < _TALL, "-low")
        self._titles.show(present.titles(event.size.width - 2))
        self._draw()

    def watch_instance(self) -> None:
        """Another machine."""
        self._draw()

    def _draw(self) -> None:
        subject = self.subject
        found = present.of(subject)
        self.set_class(not found, "-none")
        self.list.show(found)
        self.list.refresh()  # what a line says depends on the instance too
        self._empty.show(present.empty(subject) if subject and not found else ())
        self._foot.show(present.summary(found, self._up) if found else ())
        self._tell()

    def on_pick_list_moved(self, event: PickList.Moved) -> None:
        """Describe another one."""
        event.stop()
        self._tell()

    def _tell(self) -> None:
        chosen, subject = self.list.current, self.subject
        lines = present.details(chosen, subject, self.size.width - 6) if chosen and subject else ()
        self._more.show(((), *lines) if lines else ())
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is refused is shown dimmed."""
        if action == "remount":
            return None if not self.is_mounted or present.why_not(self.subject, self.list.current) else True
        return True

    def action_remount(self) -> None:
        """Unmount and mount the one under the cursor."""
        chosen, name = self.list.current, self.instance
        if chosen is not None:
            self.post_message(JobWanted(lambda engine: engine.remount(name, chosen.mount_point)))

    def action_copy(self) -> None:
        """Copy where it is on this computer."""
        if self.list.current is not None:
            self.board.copy(self.list.current.location)

    def on_focus(self, event: events.Focus) -> None:
        """The list is what can be focused."""
        self.list.focus()
