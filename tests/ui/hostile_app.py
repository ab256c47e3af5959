"""Shows one pane on hostile files until their last line was painted, then ends. Run by test_terminal_hostile."""

from __future__ import annotations

import sys
from pathlib import Path

from textual.widget import Widget

from limacore.model.config import Problem
from limacore.model.disk import DataDisk
from limacore.model.instance import Fleet
from limatui.screens.config import ConfigPane
from limatui.screens.console import ConsolePane
from limatui.screens.disks import DisksPane
from limatui.screens.logs import LogsPane
from tests.ui.pane_app import FileEngine, PaneApp, screen_text

DONE = "panes-done"


class HostileEngine(FileEngine):
    """Its problems quote the text, as real ones do."""

    def check_config(self, name: str, text: str) -> tuple[Problem, ...]:
        return (Problem("x", text.splitlines()[0], text.splitlines()[0], line=1),)


class HostileApp(PaneApp):
    """Ends when the last line of the files is on the screen."""

    def on_mount(self) -> None:
        text = (Path(self.bridge.engine.home) / "default" / "lima.yaml").read_text()
        self.fleet = Fleet(home="", disks=(DataDisk(text, text, error=text), DataDisk(DONE, "", 1)))
        if "agent" in sys.argv:
            self.pane.call_after_refresh(lambda: self.set_timer(0.5, self.second_log))
        self.set_interval(0.05, self.look)

    def second_log(self) -> None:
        self.pane.action_source(1)  # type: ignore[attr-defined]

    def look(self) -> None:
        ready = any(DONE in line for line in screen_text(self))
        if ready and ("agent" not in sys.argv or any("52;c" in line or "info" in line for line in screen_text(self))):
            self.set_timer(0.5, self.exit)


def pane(kind: str) -> Widget:
    made = {"console": ConsolePane, "config": ConfigPane, "disks": DisksPane}.get(kind, LogsPane)
    return made("default")


if __name__ == "__main__":
    HostileApp(pane(sys.argv[1]), HostileEngine(Path(sys.argv[2]))).run()
