"""The console pane alone in a real terminal, typing from the start. Run by test_keys_through; ends with its socket."""

from __future__ import annotations

import sys
from pathlib import Path

from textual.driver import Driver

from limatui.driver import TerminalDriver
from limatui.screens.console import ConsolePane
from tests.ui.pane_app import FileEngine, PaneApp


class KeysApp(PaneApp):
    """Says in its output when it types."""

    def get_driver_class(self) -> type[Driver]:
        return TerminalDriver

    def on_mount(self) -> None:
        self.set_interval(0.02, self.look)

    def look(self) -> None:
        terminal = self.pane.terminal  # type: ignore[attr-defined]
        if terminal.can_type and not terminal.typing:
            terminal.focus()
            terminal.action_take()


if __name__ == "__main__":
    KeysApp(ConsolePane("default"), FileEngine(Path(sys.argv[1]))).run()
