"""The mounts pane: directories of this computer in the guest, whether they really are there, mount again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from limacore.model.instance import Status
from limacore.model.mount import MountState
from limatui.ink import Line
from limatui.present import mounts as present
from limatui.settings.keymap import named
from limatui.widgets.listpane import ListPane


class MountsPane(ListPane[MountState]):
    """The mounts of one instance."""

    BINDINGS: ClassVar[list[BindingType]] = named("mounts", [
        Binding("r", "remount", "mount again"), Binding("e", "screen.do('edit')", "edit"),
        Binding("y", "copy", "copy path"),
    ])

    @property
    def _up(self) -> bool:
        return self.subject is not None and self.subject.status is Status.RUNNING

    def items(self) -> Sequence[MountState]:
        """What the host agent saw, else what lima.yaml asks for."""
        return present.of(self.subject)

    def key(self, item: MountState) -> str:
        """Where it is in the guest."""
        return present.key_of(item)

    def titles(self, cells: int) -> Line:
        """Here, in the guest, type, access, state."""
        return present.titles(cells)

    def line(self, item: MountState, cells: int) -> Line:
        """One mount."""
        return present.line(item, self._up, cells)

    def details(self, item: MountState, cells: int) -> Sequence[Line]:
        """What went wrong, and what mounts it again."""
        return present.details(item, self.subject, cells) if self.subject else ()

    def empty(self) -> Sequence[Line]:
        """How to get one."""
        return present.empty(self.subject) if self.subject else ()

    def foot(self, cells: int) -> tuple[Line, Line]:
        """How many are there."""
        return present.summary(self.items(), self._up), ()

    def why_not(self, action: str) -> str:
        """Why it cannot be mounted again, or copied."""
        return present.why_not(action, self.subject, self.list.current)

    def action_remount(self) -> None:
        """Unmount and mount the one under the cursor."""
        chosen, name = self.list.current, self.instance
        if chosen is not None:
            self.want(lambda engine: engine.remount(name, chosen.mount_point))

    def action_copy(self) -> None:
        """Copy where it is on this computer."""
        if self.list.current is not None:
            self.board.copy(self.list.current.location)
