"""One line below a log: what to look for, or which lines to show."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from limatui.ink import Line
from limatui.logs.pattern import turned
from limatui.settings.keymap import named
from limatui.widgets.bar import Bar

MOST_REMEMBERED = 100


class _Entry(Input):
    def __init__(self, entered: Callable[[str], None]) -> None:
        super().__init__(compact=True)
        self._entered = entered

    async def action_submit(self) -> None:
        """At once, not by a message: what is typed ahead is for the log."""
        self._entered(self.value)


class LogAsk(Horizontal):
    """Hidden by the style of the pane until it asks; what is typed comes as messages of its `Input`."""

    BINDINGS: ClassVar[list[BindingType]] = named("logs", [
        Binding("up", "earlier(1)", "asked before", show=False),
        Binding("down", "earlier(-1)", "asked after", show=False),
        Binding("ctrl+r", "turn", "text or regex", key_display="ctrl+r"),
    ])

    def __init__(self, entered: Callable[[str], None]) -> None:
        super().__init__(classes="ask")
        self._label, self._told = Bar(ground="raised", classes="label"), Bar(ground="raised", classes="told")
        self._entry = _Entry(entered)
        self._asked: dict[str, list[str]] = {}
        self._sign, self._back, self._draft = "", 0, ""

    def compose(self) -> ComposeResult:
        """A sign, the answer, what is found so far."""
        yield self._label
        yield self._entry
        yield self._told

    def ask(self, sign: str, hint: str, value: str) -> None:
        """Begin with this value."""
        self._sign, self._back = sign, 0
        self._label.show(((sign, "accent-key bold"),))
        self._entry.placeholder = hint
        with self.prevent(Input.Changed):
            self._entry.value = value
        # At once: what is typed ahead would be keys of the log.
        self.screen.set_focus(self._entry)

    @property
    def value(self) -> str:
        """What is typed."""
        return self._entry.value

    def tell(self, told: Line) -> None:
        """Say what it means and what is found so far."""
        self._told.show((), told)

    def remember(self, text: str) -> None:
        """Offer it again: the last answer comes first."""
        if text:
            asked = [each for each in self._asked.get(self._sign, ()) if each != text]
            self._asked[self._sign] = [text, *asked][:MOST_REMEMBERED]

    @property
    def last(self) -> str:
        """The last answer to this question."""
        return next(iter(self._asked.get(self._sign, ())), "")

    def action_earlier(self, step: int) -> None:
        """An answer from before, or the way back to what was being typed."""
        if not self._back:
            self._draft = self.value
        known = [self._draft, *self._asked.get(self._sign, ())]
        self._back = max(0, min(self._back + step, len(known) - 1))
        self._put(known[self._back])

    def action_turn(self) -> None:
        """What is typed as a regular expression, or as a text again."""
        if self.value:
            self._put(turned(self.value))

    def _put(self, text: str) -> None:
        self._entry.value = text
        self._entry.cursor_position = len(text)
