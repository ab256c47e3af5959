"""The snapshots pane: what was kept of a machine; take one, go back to one, delete one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from limacore.errors import LimaError
from limacore.model.job import JobState
from limacore.model.snapshot import Snapshot
from limatui.ink import Line
from limatui.present import snapshots as present
from limatui.settings.keymap import named
from limatui.verbs import dialogs
from limatui.widgets.listpane import ListPane
from limatui.widgets.shown import Looking


class SnapshotsPane(ListPane[Snapshot], Looking):
    """The snapshots of one instance."""

    BINDINGS: ClassVar[list[BindingType]] = named("snapshots", [
        Binding("a", "create", "take one"), Binding("enter", "apply", "go back to it"),
        Binding("d", "delete", "delete"),
    ])

    def __init__(self, instance: str = "", *, id: str | None = None) -> None:
        super().__init__(instance, id=id)
        self._found: tuple[Snapshot, ...] = ()
        self._error = ""

    # --- finding out

    def on_mount(self) -> None:
        """Follow what may change them."""
        self.watch(self.app, "fleet", self.follow, init=False)
        self.watch(self.app, "jobs", self.follow, init=False)

    def watch_instance(self) -> None:
        """Another machine."""
        self._found, self._error = (), ""
        super().watch_instance()
        self.follow()

    def depends(self) -> tuple[object, ...]:
        """The machine's state, and which jobs on it have ended."""
        if self.subject is None:
            return ()
        ended = [job.id for job in self.board.jobs if job.target == self.instance and job.state is not JobState.RUNNING]
        return self.instance, self.subject.status, *ended

    async def look(self) -> None:
        """Ask QEMU, or the disk of a machine that does not run."""
        name = self.instance
        try:
            found, error = await self.engine.snapshots(name), ""
        except LimaError as failure:
            found, error = (), ": ".join(part for part in (failure.message, failure.detail) if part)
        if name == self.instance:
            self._found, self._error = found, error
            self.draw()

    # --- what it says

    def items(self) -> Sequence[Snapshot]:
        """Those found last."""
        return self._found

    def key(self, item: Snapshot) -> tuple[str, str, str]:
        """Tag, date and id."""
        return present.key_of(item)

    def titles(self, cells: int) -> Line:
        """Tag, date, age, memory."""
        return present.titles(cells)

    def line(self, item: Snapshot, cells: int) -> Line:
        """One snapshot."""
        return present.line(item, self.board.now(), cells)

    def details(self, item: Snapshot, cells: int) -> Sequence[Line]:
        """What it holds, and whether there is a way back now."""
        return present.details(item, self.why_not("apply"), cells)

    def empty(self) -> Sequence[Line]:
        """Why there are none."""
        return present.empty(self._reason) if self.subject else ()

    def foot(self, cells: int) -> tuple[Line, Line]:
        """How many, and what memory is in them."""
        return present.summary(self._found), ()

    @property
    def _reason(self) -> str:
        return self._error or present.why_none(self.subject, self.board.fleet.disks)

    def why_not(self, action: str) -> str:
        """Why there can be no snapshot, or no way back to the one under the cursor."""
        if action == "apply":
            return present.why_not_apply(self.list.current, self.subject, self.board.fleet.disks)
        if action == "delete" and self.list.current is None:
            return "no snapshot is selected"
        return self._reason if action in ("create", "delete") else ""

    # --- keys

    def action_create(self) -> None:
        """Ask for the tag."""
        subject, name = self.subject, self.instance
        if subject is not None:
            taken = frozenset(each.tag for each in self._found)
            self.fill(dialogs.snapshot(subject, taken),
                      lambda values: lambda engine: engine.create_snapshot(name, values[0]))

    def action_apply(self) -> None:
        """Ask, then go back."""
        subject, chosen, name = self.subject, self.list.current, self.instance
        if subject is not None and chosen is not None:
            self.ask(dialogs.apply_snapshot(subject, chosen), lambda engine: engine.apply_snapshot(name, chosen.tag))

    def action_delete(self) -> None:
        """Ask, then delete."""
        chosen, name = self.list.current, self.instance
        if chosen is not None:
            self.ask(dialogs.delete_snapshot(name, chosen), lambda engine: engine.delete_snapshot(name, chosen.tag))
