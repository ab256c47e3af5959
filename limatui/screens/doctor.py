"""The doctor: what is wrong with an instance or with everything, what shows it, and one key for each repair."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from msgspec.structs import replace
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from limacore.errors import LimaError
from limacore.model.finding import Finding
from limacore.model.job import JobState
from limatui.bridge import clean
from limatui.messages import JobWanted
from limatui.present import doctor as present
from limatui.present.bootview import rule
from limatui.present.keys import Key
from limatui.sanitize import sanitize_line
from limatui.widgets.ask import Ask, Choice, when_yes
from limatui.widgets.background import begin
from limatui.widgets.bar import Bar, Block
from limatui.widgets.footer import Footer
from limatui.widgets.lines import Lines
from limatui.widgets.picklist import PickList

if TYPE_CHECKING:
    from limatui.app import Dashboard

_SHARE = 2
"""The list takes at most one in so many rows."""
_ASIDE = 6
_SHEET = 62


class DoctorScreen(ModalScreen[str]):
    """A list, the chosen finding below. Returns the pane that the user wants to see of the instance, or nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,i,H", "leave('')", "back"), Binding("f", "repair", "put right"),
        Binding("h", "everything", "all or one"), Binding("r", "look", "look again"), Binding("y", "copy", "copy"),
        Binding("l", "leave('logs')", "logs"), Binding("c", "leave('console')", "console"),
    ]

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self._subject = self._only = name
        self.list: PickList[Finding] = PickList(
            lambda each, width: present.line(each, width, subject=not self._only),
            lambda each: (each.subject, each.id, each.evidence))
        self._head, self._detail, self._foot = Bar(ground="panel-ground"), Lines(id="detail"), Footer()
        self._empty = Block(id="empty")
        self._at_work: tuple[int, ...] | None = None
        self._known: dict[Finding, Finding] = {}
        self._looked = False

    def compose(self) -> ComposeResult:
        """Title, list, the chosen one, keys."""
        yield self._head
        yield self.list
        yield self._empty
        yield self._detail
        yield self._foot

    @property
    def board(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    def on_mount(self) -> None:
        """Look, and again when a job has begun or ended."""
        self.watch(self.app, "jobs", self._follow)
        self.list.focus()

    def on_resize(self) -> None:
        """Other cuts."""
        self._draw()

    def _follow(self) -> None:
        running = tuple(job.id for job in self.board.jobs if job.state is JobState.RUNNING)
        if running != self._at_work:
            self._at_work = running
            self.action_look()

    def action_look(self) -> None:
        """Examine again."""
        if not self.list.items:
            self._empty.show([(("looking …", "dim"),)])
        begin(self, "doctor", self._look)

    async def _look(self) -> None:
        try:
            found = await self.board.bridge.engine.findings(self._only)
        except LimaError as error:
            found = ()
            self._empty.show([((error.message, "bad"),), ((error.hint, "dim"),)])
        else:
            self._empty.show([(("✓ ", "running"), ("nothing is wrong", ""))])
        self._known = {self._shown(each): each for each in found}
        self._looked = True
        self.list.show(tuple(self._known))
        self._draw()

    def _shown(self, found: Finding) -> Finding:
        """A finding as people read it: harmless, with the home's usual name."""
        safe = clean(found)
        return replace(safe, evidence=tuple(self._at_home(each) for each in safe.evidence), fix=self._at_home(safe.fix))

    def _at_home(self, text: str) -> str:
        return text.replace(self.board.bridge.engine.home, self.board.home)

    def _draw(self) -> None:
        found, rows = self.list.items, max(1, min(len(self.list.items), self.size.height // _SHARE))
        self.set_class(not found, "-none")
        self.list.styles.height = rows
        about = self._only or "this computer and everything on it"
        self._head.show((("doctor", "bold"), ("  ", ""), (about, "dim"), ("   ", ""), *present.summary(found)))
        chosen, cells = self.list.current, self.size.width - _ASIDE
        self._detail.show((rule("finding", cells), *present.details(chosen, cells)) if chosen else ())
        self._keys(chosen)

    def _keys(self, chosen: Finding | None) -> None:
        known = present.remedy(chosen) if chosen else None
        about = bool(chosen and present.instance_of(chosen))
        self._foot.keys((
            Key("j k", "choose"), Key("f", known.label if known else "put right", known is not None, "repair"),
            Key("y", "copy", chosen is not None, "copy"), Key("esc", "back", True, "leave('')"),
            Key("l", "logs", about, "leave('logs')"), Key("c", "console", about, "leave('console')"),
            *((Key("h", "everything" if self._only else self._subject, True, "everything"),) if self._subject else ()),
            Key("r", "look again", self._looked, "look")), ())

    def on_pick_list_moved(self, event: PickList.Moved) -> None:
        """Another one."""
        event.stop()
        self._draw()

    def on_footer_pressed(self, event: Footer.Pressed) -> None:
        """A key was clicked."""
        if event.key.action:
            self.call_next(self.run_action, event.key.action)

    def action_everything(self) -> None:
        """The computer and all instances, or the one that was asked for."""
        if self._subject:
            self._only = "" if self._only else self._subject
            self.action_look()

    def action_leave(self, pane: str) -> None:
        """Back, or to a pane of the instance that the finding is about."""
        name = present.instance_of(self.list.current) if self.list.current else ""
        if not pane or name:
            self.dismiss(f"{pane} {name}" if pane else "")

    def action_copy(self) -> None:
        """Copy the command, or the advice."""
        if self.list.current is not None:
            self.board.copy(present.command_of(self.list.current))

    def action_repair(self) -> None:
        """Say what would be done, then ask."""
        chosen = self.list.current
        known = present.remedy(chosen) if chosen else None
        if chosen is None or known is None:
            self.board.tell("nothing that a key can do: see `fix`", severity="warning")
            return
        planned = [self._at_home(sanitize_line(each)) for each in
                   self.board.bridge.engine.planned((self._known[chosen],))]
        question = Ask("Put this right?", present.question(chosen, known, planned, _SHEET),
                       (Choice("y", known.label, "yes"),))
        self.app.push_screen(question, when_yes(lambda: self._repair(chosen, known)))

    def _repair(self, chosen: Finding, known: present.Remedy) -> None:
        name, real = present.instance_of(chosen), self._known[chosen]
        if known.action == "insist":
            self.post_message(JobWanted(lambda engine: engine.stop(name, force=True)))
        else:
            self.post_message(JobWanted(lambda engine: engine.repair(name, real)))
