"""Jobs: what runs and how fast, what failed and why, what the engine told, and the command that does the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from limacore.model.job import Job, JobState
from limatui.ink import Line
from limatui.messages import JobWanted
from limatui.present.bootview import rule, steps
from limatui.present.keys import Key
from limatui.present.work import job, job_details, log
from limatui.widgets.bar import Bar
from limatui.widgets.footer import Footer
from limatui.widgets.lines import Lines
from limatui.widgets.picklist import PickList

if TYPE_CHECKING:
    from limatui.app import Dashboard

_NONE: tuple[Line, ...] = ((("No jobs yet: every action that you start is one.", "dim"),),)
_SHARE = 3
"""The list takes at most one in so many rows."""


class JobsScreen(ModalScreen[None]):
    """A list with a cursor, the chosen job below: its steps, then the end of its log."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,J", "dismiss", "back"), Binding("x", "cancel", "cancel"), Binding("a", "again", "again"),
        Binding("y", "copy", "copy command"), Binding("left_square_bracket", "scroll(-1)", "earlier", show=False),
        Binding("right_square_bracket", "scroll(1)", "later", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.list: PickList[Job] = PickList(lambda each, width: (("  ", ""), *job(each, width - 2)),
                                            lambda each: each.id)
        self._head, self._detail, self._foot = Bar(ground="panel-ground"), Lines(id="detail"), Footer()
        self._rows = self._back = 0

    def compose(self) -> ComposeResult:
        """Title, list, the chosen job, keys."""
        yield self._head
        yield self.list
        yield self._detail
        yield self._foot

    @property
    def board(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    def on_mount(self) -> None:
        """Follow the jobs."""
        self.watch(self.app, "jobs", self._draw)
        self.list.focus()

    def on_resize(self) -> None:
        """Other cuts."""
        self._draw()

    def _draw(self) -> None:
        jobs = self.board.jobs
        rows = max(1, min(len(jobs), self.size.height // _SHARE))
        if rows != self._rows:
            self.list.styles.height = self._rows = rows
            self.call_after_refresh(self._draw)
        self.list.show(jobs)
        running = sum(each.state is JobState.RUNNING for each in jobs)
        self._head.show((("jobs", "bold"), (f"  {running} running, {len(jobs)} in this session", "dim")))
        self._draw_chosen()

    def _draw_chosen(self) -> None:
        chosen, room = self.list.current, self._detail.size
        runs = chosen is not None and chosen.state is JobState.RUNNING
        self._foot.keys((
            Key("j k", "choose"), Key("x", "cancel", runs, "cancel"),
            Key("a", "again", chosen is not None and not runs, "again"),
            Key("y", "copy command", chosen is not None, "copy"),
            Key("[ ]", "scroll log", chosen is not None and bool(chosen.log)),
            Key("esc", "back", True, "dismiss")), ())
        self._detail.show(self._lines(chosen, *room) if chosen is not None else _NONE)

    def _lines(self, chosen: Job, cells: int, rows: int) -> tuple[Line, ...]:
        upper = [rule("job", cells), *job_details(chosen, cells)]
        whole = steps(chosen.steps, cells - 4)
        if len(whole) > 1 and len(upper) + len(whole) + 1 <= rows:
            upper += [(), *whole]
        told, space = log(chosen, cells), rows - len(upper) - 2
        if not told or space < 1:
            return tuple(upper)
        self._back = max(0, min(self._back, len(told) - space))
        last = len(told) - self._back
        more = f"log, {self._back} more" if self._back else "log"
        return (*upper, (), rule(more, cells), *told[max(0, last - space):last])

    def on_pick_list_moved(self, event: PickList.Moved) -> None:
        """Another job, or the same further on."""
        event.stop()
        self._draw_chosen()

    def on_footer_pressed(self, event: Footer.Pressed) -> None:
        """A key was clicked."""
        if event.key.action:
            self.call_next(self.run_action, event.key.action)

    def action_scroll(self, lines: int) -> None:
        """Earlier or later lines of the log."""
        self._back = max(0, self._back - lines)
        self._draw_chosen()

    def action_cancel(self) -> None:
        """End the chosen job."""
        if self.list.current is not None:
            self.board.bridge.engine.cancel(self.list.current.id)

    def action_again(self) -> None:
        """Begin what the chosen job did once more."""
        chosen = self.list.current
        if chosen is not None and chosen.state is not JobState.RUNNING:
            self.post_message(JobWanted(lambda engine: engine.again(chosen.id)))

    def action_copy(self) -> None:
        """Copy its command."""
        if self.list.current is not None:
            self.board.copy(self.list.current.command)
