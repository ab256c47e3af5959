"""A question before something that cannot be taken back: lines to read, and a key for each answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen

from limatui.ink import Line
from limatui.widgets.bar import Block


class Choice(NamedTuple):
    """An answer: the key as Textual names it, the word shown, the value returned."""

    key: str
    label: str
    value: str


class Ask(ModalScreen[str]):
    """Returns the value of the chosen answer, or an empty string on escape."""

    DEFAULT_CSS = """
    Ask { align: center middle; background: $background 60%; }
    Ask > Vertical { width: 90%; max-width: 100; height: auto; max-height: 90%; padding: 1 2; background: $panel; }
    Ask VerticalScroll { height: auto; max-height: 70vh; margin: 1 0; scrollbar-size-vertical: 1; }
    """

    def __init__(self, title: str, lines: Sequence[Line], choices: Sequence[Choice], *, warning: str = "") -> None:
        super().__init__()
        self._title = title
        self._lines = tuple(lines)
        self._choices = tuple(choices)
        self._warning = warning

    def compose(self) -> ComposeResult:
        """Title, lines, warning, keys."""
        head: list[Line] = [((self._title, "bold"),)]
        if self._warning:
            head.append(((self._warning, "warn"),))
        with Vertical():
            yield Block(head, ground="raised")
            with VerticalScroll():
                yield Block(self._lines, ground="raised")
            yield Block([self._keys()], ground="raised")

    def _keys(self) -> Line:
        spans: list[tuple[str, str]] = []
        for choice in self._choices:
            spans += [(choice.key, "accent-key bold"), (f" {choice.label}   ", "dim")]
        return (*spans, ("esc", "accent-key bold"), (" leave it", "dim"))

    def on_key(self, event: events.Key) -> None:
        """Answer."""
        event.stop()
        if event.key == "escape":
            self.dismiss("")
        for choice in self._choices:
            if event.key == choice.key:
                self.dismiss(choice.value)
