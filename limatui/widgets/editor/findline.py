"""One line below an editor: what to look for, or the number of a line."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from limatui.settings.keymap import named
from limatui.widgets.bar import Bar
from limatui.widgets.editor.area import YamlEditor

Place = tuple[int, int]


def places(lines: list[str], wanted: str) -> list[Place]:
    """Row and column of every occurrence; capitals count only when there are some in what is wanted."""
    fold = wanted == wanted.lower()
    found: list[Place] = []
    for row, line in enumerate(lines if wanted else ()):
        text = line.lower() if fold else line
        column = text.find(wanted)
        while column >= 0:
            found.append((row, column))
            column = text.find(wanted, column + len(wanted))
    return found


class FindLine(Horizontal):
    """Hidden until opened; enter and the arrows go from place to place, escape gives the keyboard back."""

    BINDINGS: ClassVar[list[BindingType]] = named("editor", [
        Binding("down", "step(1)", "next"), Binding("up", "step(-1)", "previous"), Binding("escape", "close", "close"),
    ])

    def __init__(self, editor: YamlEditor) -> None:
        super().__init__()
        self._editor = editor
        self._start: Place = (0, 0)
        self._line_number = False

    def compose(self) -> ComposeResult:
        """What it asks for, and the answer."""
        yield Bar(ground="raised", classes="label")
        yield Input(classes="line")
        yield Bar(ground="raised", classes="count")

    def open(self, *, line_number: bool) -> None:
        """Begin to look, from the cursor on."""
        self._line_number = line_number
        self._start = self._editor.cursor_location
        self.display = True
        self.query_one(".label", Bar).show((("line" if line_number else "find", "accent-key bold"),))
        entry = self.query_one(Input)
        entry.value = "" if line_number else self._editor.selected_text.partition("\n")[0]
        entry.focus()
        self._look()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._look()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if self._line_number:
            self.action_close()
        else:
            self.action_step(1)

    def _look(self) -> None:
        value = self.query_one(Input).value
        if self._line_number:
            self._say("of", self._editor.document.line_count)
            if value.isdecimal():
                self._editor.go_to(int(value[:9]) - 1)
            return
        found = places(self._editor.document.lines, value)
        self._show(found, next((at for at, place in enumerate(found) if place >= self._start), 0))

    def action_step(self, step: int) -> None:
        """The next place, or the one before."""
        found = places(self._editor.document.lines, self.query_one(Input).value)
        here = self._editor.selection.start
        if not self._line_number and found:
            later = [at for at, place in enumerate(found) if place > here]
            earlier = [at for at, place in enumerate(found) if place < here]
            self._show(found, (later[:1] or [0])[0] if step > 0 else (earlier[-1:] or [len(found) - 1])[0])

    def _show(self, found: list[Place], at: int) -> None:
        self._say(f"{at + 1} of" if found else "", len(found))
        if found:
            row, column = found[at]
            self._editor.mark_found(row, column, len(self.query_one(Input).value))

    def _say(self, head: str, count: int) -> None:
        self.query_one(".count", Bar).show((), ((f"{head} {count}".strip(), "dim"),))

    def action_close(self) -> None:
        """Back to the text, where the cursor is now."""
        self.display = False
        self._editor.focus()
