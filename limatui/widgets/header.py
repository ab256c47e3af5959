"""The first line of the main screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from limatui.present.header import header
from limatui.widgets.lines import Lines

if TYPE_CHECKING:
    from limatui.app import Dashboard


class Header(Lines):
    """Where we are, what runs, what this computer has left."""

    ground = "panel-ground"

    def tell(self, board: Dashboard, cells: int) -> None:
        """What the app knows now."""
        cpu = board.bridge.history.host(8)
        self.show([header(board.fleet, cpu, board.jobs, cells, board.home, board.trouble)])
