"""Jobs: what runs and how fast, what failed and why, what the engine told, and the command that does the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from limacore.model.job import Job, JobState
from limatui.ink import Line
from limatui.present.bootview import rule, steps
from limatui.present.keys import Key
from limatui.present.work import job, job_details, log
from limatui.settings.keymap import named
from limatui.widgets.lines import Lines
from limatui.widgets.listscreen import ListScreen

_NONE: tuple[Line, ...] = ((("No jobs yet: every action that you start is one.", "dim"),),)
_SHARE = 3
"""The list takes at most one in so many rows."""


class JobsScreen(ListScreen[Job, None]):
    """The chosen job below the list: its steps, then the end of its log."""

    BINDINGS: ClassVar[list[BindingType]] = named("jobs", [
        Binding("escape,q,J", "dismiss", "back"), Binding("x", "cancel", "cancel"), Binding("a", "again", "again"),
        Binding("y", "copy", "copy command"), Binding("left_square_bracket", "scroll(-1)", "earlier", show=False),
        Binding("right_square_bracket", "scroll(1)", "later", show=False),
    ])

    def __init__(self) -> None:
        super().__init__()
        self._detail = Lines(id="detail")
        self._back = 0

    def middle(self) -> Sequence[Widget]:
        """The chosen job below the list."""
        return self.list, self._detail

    def line(self, item: Job, cells: int) -> Line:
        """One job."""
        return ("  ", ""), *job(item, cells - 2)

    def key(self, item: Job) -> int:
        """Its number."""
        return item.id

    def keys(self) -> Sequence[Key]:
        """A running job is cancelled, one that has ended is done again."""
        chosen = self.list.current
        some, runs = chosen is not None, chosen is not None and chosen.state is JobState.RUNNING
        return (Key("j k", "choose"), Key("x", "cancel", runs, "cancel"),
                Key("a", "again", some and not runs, "again"), Key("y", "copy command", some, "copy"),
                Key("[ ]", "scroll log", chosen is not None and bool(chosen.log)), Key("esc", "back", True, "dismiss"))

    def on_mount(self) -> None:
        """Follow the jobs."""
        self.watch(self.app, "jobs", self.draw)

    def draw(self) -> None:
        """The jobs of this session."""
        jobs = self.board.jobs
        self.list.show(jobs)
        self.fit(_SHARE)
        running = sum(each.state is JobState.RUNNING for each in jobs)
        self.head.show((("jobs", "bold"), (f"  {running} running, {len(jobs)} in this session", "dim")))
        super().draw()

    def draw_chosen(self) -> None:
        """Steps and log."""
        chosen = self.list.current
        self._detail.show(self._lines(chosen, *self._detail.size) if chosen is not None else _NONE)
        super().draw_chosen()

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

    def action_scroll(self, lines: int) -> None:
        """Earlier or later lines of the log."""
        self._back = max(0, self._back - lines)
        self.draw_chosen()

    def action_cancel(self) -> None:
        """End the chosen job."""
        if self.list.current is not None:
            self.engine.cancel(self.list.current.id)

    def action_again(self) -> None:
        """Begin what the chosen job did once more."""
        chosen = self.list.current
        if chosen is not None and chosen.state is not JobState.RUNNING:
            self.want(lambda engine: engine.again(chosen.id))

    def action_copy(self) -> None:
        """Copy its command."""
        if self.list.current is not None:
            self.board.copy(self.list.current.command)
