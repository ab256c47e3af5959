"""The panes of an instance, in the order of their keys; each is imported when it is first looked at."""

from __future__ import annotations

from importlib import import_module

from msgspec import Struct
from textual.widget import Widget


class Pane(Struct, frozen=True):
    """Where a pane's widget is."""

    id: str
    title: str
    module: str
    widget: str
    types: bool = False
    """Whether keys are text there: then looking at it alone does not give it the keyboard."""

    def make(self, instance: str) -> Widget:
        """The widget, for an instance."""
        made: Widget = getattr(import_module(self.module), self.widget)(instance)
        made.id = f"pane-{self.id}"
        return made


PANES = (
    Pane("overview", "Overview", "limatui.widgets.overview", "OverviewPane"),
    Pane("console", "Console", "limatui.screens.console", "ConsolePane"),
    Pane("logs", "Logs", "limatui.screens.logs", "LogsPane"),
    Pane("config", "Config", "limatui.screens.config", "ConfigPane", types=True),
    Pane("disks", "Disks", "limatui.screens.disks", "DisksPane"),
    Pane("ports", "Ports", "limatui.screens.ports", "PortsPane"),
    Pane("mounts", "Mounts", "limatui.screens.mounts", "MountsPane"),
    Pane("snapshots", "Snapshots", "limatui.screens.snapshots", "SnapshotsPane"),
    Pane("timeline", "Timeline", "limatui.screens.timeline", "TimelinePane"),
)
INDEX = {pane.id: index for index, pane in enumerate(PANES)}
