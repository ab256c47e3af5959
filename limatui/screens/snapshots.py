"""The snapshots pane: what was kept of a machine; take one, go back to one, delete one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import reactive

from limacore.errors import LimaError
from limacore.model.instance import Instance
from limacore.model.job import JobState
from limacore.model.snapshot import Snapshot
from limatui import dialogs
from limatui.ink import Line
from limatui.messages import JobBegin, JobWanted, Wanted
from limatui.present import snapshots as present
from limatui.widgets.ask import Ask, Choice, when_yes
from limatui.widgets.background import begin
from limatui.widgets.bar import Bar, Block
from limatui.widgets.picklist import PickList
from limatui.widgets.shown import Shown

if TYPE_CHECKING:
    from limatui.app import Dashboard


_TALL = 12
"""Rows from which on the snapshot under the cursor is described below the list."""


class SnapshotsPane(Shown):
    """The snapshots of one instance."""

    instance: reactive[str] = reactive("", init=False)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "create", "take one"), Binding("enter", "apply", "go back to it"),
        Binding("d", "delete", "delete"),
    ]

    def __init__(self, instance: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.set_reactive(SnapshotsPane.instance, instance)
        self.list: PickList[Snapshot] = PickList(lambda each, width: present.line(each, self.board.now(), width),
                                                 present.key_of)
        self._titles, self._empty, self._foot = Bar(classes="titles"), Block(id="empty"), Bar(classes="foot")
        self._more = Block(id="more")
        self._error = ""
        self._seen: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """Titles, snapshots, or why there are none."""
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
        """The instance whose snapshots these are."""
        return self.board.fleet.get(self.instance)

    def on_mount(self) -> None:
        """Follow what may change them."""
        self.watch(self.app, "fleet", self._follow, init=False)
        self.watch(self.app, "jobs", self._follow, init=False)

    def on_show(self) -> None:
        """Look now."""
        self._seen = ()
        self._follow()

    def on_resize(self, event: events.Resize) -> None:
        """Titles as wide as the list, details where there is room."""
        self.set_class(event.size.height < _TALL, "-low")
        self._titles.show(present.titles(event.size.width - 2))
        self._draw()

    def watch_instance(self) -> None:
        """Another machine."""
        self.list.show(())
        self._error, self._seen = "", ()
        self._draw()
        self._follow()

    def _follow(self) -> None:
        """Ask QEMU again when the machine or a job on its snapshots has changed; a look costs a process or a word."""
        if not self.is_on_screen:
            return
        subject = self.subject
        ended = [job.id for job in self.board.jobs if job.target == self.instance and job.state is not JobState.RUNNING]
        now = (self.instance, subject and subject.status, *ended)
        if now == self._seen:
            return
        self._seen = now
        self._draw()
        if subject is not None:
            begin(self, "snapshots", partial(self._look, self.instance))

    async def _look(self, name: str) -> None:
        try:
            found, error = await self.board.bridge.engine.snapshots(name), ""
        except LimaError as failure:
            found, error = (), ": ".join(part for part in (failure.message, failure.detail) if part)
        if name == self.instance:
            self._error = error
            self.list.show(found)
            self._draw()

    @property
    def _reason(self) -> str:
        return self._error or present.why_none(self.subject, self.board.fleet.disks)

    def _draw(self) -> None:
        found, reason = self.list.items, self._reason
        self.set_class(not found, "-none")
        self._empty.show(present.empty(reason) if self.instance else ())
        self._foot.show(present.summary(found) if found else ())
        chosen = self.list.current
        self._more.show(((), *present.details(chosen, self._why_not("apply"), self.size.width - 6)) if chosen else ())
        self.refresh_bindings()

    def on_pick_list_moved(self, event: PickList.Moved) -> None:
        """Another one may be possible to go back to."""
        event.stop()
        self._draw()

    def _why_not(self, action: str) -> str:
        if action == "apply":
            return present.why_not_apply(self.list.current, self.subject, self.board.fleet.disks)
        if action == "delete" and self.list.current is None:
            return "no snapshot is selected"
        return self._reason

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is refused is shown dimmed."""
        if action in ("create", "apply", "delete"):
            return None if not self.is_mounted or self._why_not(action) else True
        return True

    def action_create(self) -> None:
        """Ask for the tag."""
        subject = self.subject
        if subject is not None:
            taken = frozenset(each.tag for each in self.list.items)
            self.app.push_screen(dialogs.snapshot(subject, taken), partial(self._create, subject.name))

    def _create(self, name: str, values: tuple[str, ...] | None) -> None:
        if values is not None:
            self.post_message(Wanted("snapshot", name, values[0]))

    def action_apply(self) -> None:
        """Ask, then go back."""
        subject, chosen = self.subject, self.list.current
        if subject is None or chosen is None:
            return
        name, tag = subject.name, chosen.tag
        told = ("the machine goes on from there" if subject.status.is_up else
                "the machine boots from that disk; the memory in it is not used" if chosen.memory else
                "the machine boots from that disk")
        lines: list[Line] = [(("taken      ", "faint"), (chosen.date, "")), (("then       ", "faint"), (told, "dim")),
                             (), ((present.command("apply", name, tag), "faint"),)]
        question = Ask(f"Take {name} back to {tag}?", lines, (Choice("y", "go back", "yes"),),
                       warning="what was written since then is lost")
        self._ask(question, lambda engine: engine.apply_snapshot(name, tag))

    def action_delete(self) -> None:
        """Ask, then delete."""
        chosen, name = self.list.current, self.instance
        if chosen is not None:
            tag = chosen.tag
            lines: list[Line] = [(("taken      ", "faint"), (chosen.date, "")), (),
                                 ((present.command("delete", name, tag), "faint"),)]
            question = Ask(f"Delete snapshot {tag} of {name}?", lines, (Choice("y", "delete it", "yes"),),
                           warning="the machine stays as it is; the way back goes")
            self._ask(question, lambda engine: engine.delete_snapshot(name, tag))

    def _ask(self, question: Ask, begin: JobBegin) -> None:
        self.app.push_screen(question, when_yes(lambda: self.post_message(JobWanted(begin))))

    def on_focus(self, event: events.Focus) -> None:
        """The list is what can be focused."""
        self.list.focus()
