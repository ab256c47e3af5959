"""One line below a log: what to look for, or which lines to show."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input

from limatui.ink import Line
from limatui.widgets.bar import Bar


class LogAsk(Horizontal):
    """Hidden by the style of the pane until it asks; what is typed comes as messages of its `Input`."""

    def __init__(self) -> None:
        super().__init__(classes="ask")
        self._label, self._count = Bar(ground="raised", classes="label"), Bar(ground="raised", classes="count")
        self._entry = Input(compact=True)

    def compose(self) -> ComposeResult:
        """A sign, the answer, what is found so far."""
        yield self._label
        yield self._entry
        yield self._count

    def ask(self, sign: str, hint: str, value: str) -> None:
        """Begin with this value."""
        self._label.show(((sign, "accent-key bold"),))
        self._entry.placeholder = hint
        with self.prevent(Input.Changed):
            self._entry.value = value
        # At once: what is typed ahead would be keys of the log.
        self.screen.set_focus(self._entry)

    def count(self, told: Line) -> None:
        """Say what is found so far."""
        self._count.show((), told)
