"""The line below the list in which its filter is typed."""

from __future__ import annotations

from collections.abc import Callable

from textual.message import Message
from textual.widgets import Input

from limatui import filter


class FilterLine(Input):
    """Hidden while it is empty and has not the keyboard."""

    class Chosen(Message):
        """What is to be shown has changed."""

        def __init__(self, test: filter.Test) -> None:
            super().__init__()
            self.test = test

    def __init__(self, leave: Callable[[], object]) -> None:
        super().__init__(placeholder="text, regex, !not, status:running", id="filter")
        self._leave = leave

    def open(self) -> None:
        """Type a filter."""
        self.add_class("-open")
        self.screen.set_focus(self)

    def close(self) -> None:
        """Give the keyboard back; what is typed stays, and is seen, until it is emptied."""
        self.set_class(bool(self.value), "-open")
        self._leave()

    def empty(self) -> None:
        """Show everything again."""
        self.value = ""
        self.close()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Every letter counts at once."""
        event.stop()
        self.post_message(self.Chosen(filter.parse(event.value)))

    async def action_submit(self) -> None:
        """Enter ends it, at once: what is typed ahead is for the list."""
        self.close()
