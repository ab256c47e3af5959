"""Jobs and events below the list of a wide screen."""

from __future__ import annotations

from collections.abc import Sequence

from limacore.model.job import Job
from limatui.notices import Notice
from limatui.present import work
from limatui.widgets.lines import Lines, set_rows

_MOST = 8


class Jobs(Lines):
    """The newest jobs, as high as they are many."""

    def __init__(self) -> None:
        super().__init__(id="jobs", classes="-work")

    def tell(self, jobs: Sequence[Job]) -> None:
        """Other jobs."""
        lines = work.jobs(jobs, self.size.width, _MOST)
        set_rows(self, len(lines))
        self.show(lines)


class Events(Lines):
    """The newest events, as many as there is room for."""

    def __init__(self) -> None:
        super().__init__(id="events", classes="-work")

    def tell(self, notices: Sequence[Notice]) -> None:
        """Other events."""
        self.show(work.notices(notices, self.size.width, max(1, self.size.height - 1)))
