"""The list of what could be written at the cursor, over the editor."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.geometry import Offset, Size
from textual.message import Message
from textual.strip import Strip

from limatui.present.completion import Choice, choice_line, width_of
from limatui.widgets.inked import Inked

_ROWS = 8


class CompletionList(Inked):
    """Shows choices below (or above) the cursor of an editor, which gives it keys; never has the keyboard itself."""

    DEFAULT_CSS = "CompletionList { overlay: screen; display: none; width: 44; height: 8; }"

    class Chosen(Message):
        """A choice is to be written."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

    class Moved(Message):
        """Another choice is marked, or none any more."""

    def __init__(self) -> None:
        super().__init__()
        self.choices: tuple[Choice, ...] = ()
        self._at = self._top = 0
        self._enter = False
        self.dismissals = 0
        """How often it was closed by hand: what was looked for before that is not wanted any more."""

    @property
    def current(self) -> Choice | None:
        """The marked choice; None while nothing is shown."""
        return self.choices[self._at] if self.choices else None

    def offer(self, choices: Sequence[Choice], cursor: Offset, room: Size, *, asked: bool) -> None:
        """Show choices at a place of the screen; enter takes one at once only when they were asked for."""
        self.choices = tuple(choices)
        self._at = self._top = 0
        self._enter = asked
        self.display = bool(self.choices)
        if self.choices:
            self._place(cursor, room)
        self.refresh()
        self.post_message(self.Moved())

    def _place(self, cursor: Offset, room: Size) -> None:
        rows, width = min(len(self.choices), _ROWS), min(width_of(self.choices), room.width)
        below = cursor.y + 1 + rows <= room.height - 1
        self.styles.width, self.styles.height = width, rows
        self.absolute_offset = Offset(min(cursor.x, room.width - width), cursor.y + 1 if below else cursor.y - rows)

    def close(self) -> None:
        """Show nothing."""
        if self.choices:
            self.choices, self.display = (), False
            self.post_message(self.Moved())

    def take(self, key: str) -> bool:
        """A key of the editor: moves, chooses or closes; False when it is none of ours."""
        if not self.choices:
            return False
        if key in _MOVES:
            self._move(_MOVES[key])
        elif key == "tab" or (key == "enter" and self._enter):
            self._choose()
        elif key == "escape":
            self.dismissals += 1
            self.close()
        else:
            return False
        return True

    def _move(self, step: int) -> None:
        self._at = (self._at + step) % len(self.choices) if abs(step) == 1 else max(
            0, min(len(self.choices) - 1, self._at + step))
        self._top = min(max(self._top, self._at - _ROWS + 1), self._at)
        self._enter = True
        self.refresh()
        self.post_message(self.Moved())

    def _choose(self) -> None:
        chosen = self.current
        self.close()
        if chosen is not None:
            self.post_message(self.Chosen(chosen))

    def on_click(self, event: events.Click) -> None:
        """What is under the pointer."""
        self._at = min(self._top + event.y, len(self.choices) - 1)
        self._choose()

    def render_line(self, y: int) -> Strip:
        """One choice."""
        row, width = self._top + y, self.size.width
        if row >= len(self.choices):
            return self.ink.strip((), width, "panel-ground")
        here = row == self._at
        line = choice_line(self.choices[row], self.choices, width)
        return self.ink.strip(((("▎", "accent-key"), *line[1:]) if here else line), width,
                              "hairline" if here else "raised")


_MOVES = {"down": 1, "up": -1, "ctrl+n": 1, "ctrl+p": -1, "pagedown": _ROWS, "pageup": -_ROWS}
