"""The console pane alone in a real terminal: it types as soon as it can, unless it is only to watch."""

from __future__ import annotations

import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from textual.driver import Driver

from limacore.engine.console import hold
from limacore.paths import InstancePaths
from limatui.host.driver import TerminalDriver
from limatui.screens.console import ConsolePane
from tests.ui.pane_app import FileEngine, PaneApp


class HoldingEngine(FileEngine):
    """Holds the socket as the real engine does."""

    def console(self, name: str, source: str = "serial", *, size: tuple[int, int] = (80, 24),  # type: ignore[override]
                take: bool = False) -> AbstractAsyncContextManager[Any]:
        return hold(InstancePaths(self.dir(name)), source, take=take)


class KeysApp(PaneApp):
    """Its pane has the focus."""

    def get_driver_class(self) -> type[Driver]:
        return TerminalDriver

    def on_mount(self) -> None:
        self.pane.terminal.focus()  # type: ignore[attr-defined]
        if "watch" not in sys.argv:
            self.set_interval(0.02, self.look)

    def look(self) -> None:
        terminal = self.pane.terminal  # type: ignore[attr-defined]
        if terminal.can_type and not terminal.typing:
            terminal.action_take()


if __name__ == "__main__":
    KeysApp(ConsolePane("default"), HoldingEngine(Path(sys.argv[1]))).run()
