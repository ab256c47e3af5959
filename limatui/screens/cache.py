"""The image cache: what was downloaded, who refers to it, and what pruning gives back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from limacore.errors import LimaError
from limacore.model.cache import CacheEntry
from limacore.model.job import JobState
from limatui.ink import Line
from limatui.messages import JobWanted
from limatui.present import cache as present
from limatui.present.disks import amount
from limatui.present.keys import Key
from limatui.sanitize import sanitize_line
from limatui.widgets.ask import Ask, Choice, when_yes
from limatui.widgets.background import begin
from limatui.widgets.bar import Bar, Block
from limatui.widgets.footer import Footer
from limatui.widgets.picklist import PickList

if TYPE_CHECKING:
    from limatui.app import Dashboard


class CacheScreen(ModalScreen[None]):
    """A list, the chosen download below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,I", "dismiss", "back"), Binding("p", "prune(True)", "prune what nothing uses"),
        Binding("P", "prune(False)", "prune everything"), Binding("y", "copy", "copy URL"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.list: PickList[CacheEntry] = PickList(lambda each, width: present.line(each, self.board.now(), width),
                                                   lambda each: each.key)
        self._head, self._titles, self._foot = Bar(ground="panel-ground"), Bar(classes="titles"), Footer()
        self._empty, self._more = Block(id="empty"), Block(id="more")
        self._at_work: tuple[int, ...] | None = None
        self._known = False

    def compose(self) -> ComposeResult:
        """Title, list, the one under the cursor, keys."""
        yield self._head
        yield self._titles
        yield self.list
        yield self._empty
        yield self._more
        yield self._foot

    @property
    def board(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    def on_mount(self) -> None:
        """Look, and again when a job has begun or ended."""
        self._empty.show([(("looking …", "dim"),)])
        self.watch(self.app, "jobs", self._follow)
        self.list.focus()

    def on_resize(self) -> None:
        """Other cuts."""
        self._titles.show(present.titles(self.size.width - 6))
        self._draw()

    def _follow(self) -> None:
        running = tuple(job.id for job in self.board.jobs if job.state is JobState.RUNNING)
        if running != self._at_work:
            self._at_work = running
            begin(self, "cache", self._look)

    async def _look(self) -> None:
        try:
            entries = await self.board.bridge.engine.cache()
        except LimaError as error:
            self._empty.show([((error.message, "bad"),), ((error.hint, "dim"),)])
            return
        self._known = True
        self.list.show(sorted(entries, key=lambda each: (bool(each.used_by), -each.size)))
        self._empty.show([(("nothing was downloaded yet", "dim"),), (),
                          (("images come here when an instance is made; others reuse them", "faint"),)])
        self._draw()

    def _draw(self) -> None:
        entries, chosen, cells = self.list.items, self.list.current, self.size.width - 6
        self.set_class(not entries, "-none")
        self._head.show((("image cache", "bold"), ("  ", ""), *(present.summary(entries) if self._known else ())))
        self._more.show(present.details(chosen, self._where(chosen), cells) if chosen else ())
        spare = present.freed(entries, keep_referred=True)
        self._foot.keys((
            Key("j k", "choose"),
            Key("p", f"prune {amount(spare)}" if spare else "prune", bool(spare), "prune(True)"),
            Key("P", "prune everything", bool(entries), "prune(False)"),
            Key("y", "copy URL", chosen is not None, "copy"), Key("esc", "back", True, "dismiss")), ())

    def _where(self, each: CacheEntry) -> str:
        return each.path.replace(self.board.bridge.engine.home, self.board.home, 1).replace(str(Path.home()), "~", 1)

    def on_pick_list_moved(self, event: PickList.Moved) -> None:
        """Describe another one."""
        event.stop()
        self._draw()

    def on_footer_pressed(self, event: Footer.Pressed) -> None:
        """A key was clicked."""
        if event.key.action:
            self.call_next(self.run_action, event.key.action)

    def action_prune(self, keep_referred: bool) -> None:
        """Say what would go and what it gives back, then ask."""
        entries = self.list.items
        if not present.goes(entries, keep_referred=keep_referred):
            self.board.tell("nothing can go: each download is used", severity="warning")
            return
        freed = present.freed(entries, keep_referred=keep_referred)
        lines: tuple[Line, ...] = present.question(entries, keep_referred=keep_referred)
        warning = "" if keep_referred else "what is used is downloaded again for the next new instance"
        question = Ask(f"Prune the cache? {amount(freed)} are given back", lines, (Choice("y", "prune", "yes"),),
                       warning=warning)
        self.app.push_screen(question, when_yes(lambda: self._prune(keep_referred)))

    def _prune(self, keep_referred: bool) -> None:
        self.post_message(JobWanted(lambda engine: engine.prune(keep_referred=keep_referred)))

    def action_copy(self) -> None:
        """Copy where it came from."""
        if self.list.current is not None:
            self.board.copy(sanitize_line(self.list.current.url))
