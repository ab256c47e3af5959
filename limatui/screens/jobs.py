"""Jobs: what runs, what failed, why, and the command that does the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from limacore.model.job import Job, JobState
from limatui.ink import Line
from limatui.present.bootview import rule, steps
from limatui.present.keys import Key
from limatui.present.work import job, job_details
from limatui.widgets.bar import Bar
from limatui.widgets.footer import Footer
from limatui.widgets.lines import Lines

if TYPE_CHECKING:
    from limatui.app import Dashboard

_LISTED = 8


class JobsScreen(ModalScreen[None]):
    """A list with a cursor, the chosen job below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,J", "dismiss", "back"), Binding("j,down", "move(1)", "down", show=False),
        Binding("k,up", "move(-1)", "up", show=False), Binding("x", "cancel", "cancel"),
        Binding("y", "copy", "copy command"),
    ]
    DEFAULT_CSS = "JobsScreen #list { height: 1fr; margin: 1 2; }"

    def __init__(self) -> None:
        super().__init__()
        self._chosen = 0

    def compose(self) -> ComposeResult:
        """Title, list with details, footer."""
        yield Bar(ground="panel-ground")
        yield Lines(id="list")
        yield Footer()

    @property
    def dashboard(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    def on_mount(self) -> None:
        """Follow the jobs."""
        self.watch(self.app, "jobs", self._draw)

    def on_resize(self) -> None:
        """Other cuts."""
        self._draw()

    @property
    def chosen(self) -> Job | None:
        """The job under the cursor."""
        jobs = self.dashboard.jobs
        return next((each for each in jobs if each.id == self._chosen), jobs[0] if jobs else None)

    def _draw(self) -> None:
        if not self.is_current:
            return  # dismissed a moment ago: its widgets go one after the other
        jobs, chosen = self.dashboard.jobs, self.chosen
        running = sum(each.state is JobState.RUNNING for each in jobs)
        self.query_one(Bar).show((("jobs", "bold"), (f"  {running} running, {len(jobs)} in this session", "dim")))
        self.query_one(Footer).keys((
            Key("j k", "choose"), Key("x", "cancel", bool(chosen and chosen.state is JobState.RUNNING), "cancel"),
            Key("y", "copy command", chosen is not None, "copy"), Key("esc", "back", True, "dismiss")), ())
        cells = self.query_one("#list", Lines).size.width
        self.query_one("#list", Lines).show(self._lines(jobs, chosen, cells))

    def _lines(self, jobs: tuple[Job, ...], chosen: Job | None, cells: int) -> list[Line]:
        if chosen is None:
            return [(("No jobs yet: every action that you start is one.", "dim"),)]
        first = max(0, jobs.index(chosen) - _LISTED + 1)
        listed = [((("▌ " if each is chosen else "  "), "accent-key"), *job(each, cells - 2))
                  for each in jobs[first:first + _LISTED]]
        return [*listed, (), rule("job", cells), *job_details(chosen, cells), (), *steps(chosen.steps, cells - 4)]

    def action_move(self, step: int) -> None:
        """Another job."""
        jobs, chosen = self.dashboard.jobs, self.chosen
        if chosen is not None:
            self._chosen = jobs[max(0, min(len(jobs) - 1, jobs.index(chosen) + step))].id
            self._draw()

    def action_cancel(self) -> None:
        """End the chosen job."""
        if self.chosen is not None:
            self.dashboard.bridge.engine.cancel(self.chosen.id)

    def action_copy(self) -> None:
        """Copy its command."""
        if self.chosen is not None:
            self.dashboard.copy(self.chosen.command)
