"""Every action by its name; what is impossible now stands there too, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Input

from limatui.actions import Action, Subject
from limatui.present.keys import matches, palette_line
from limatui.settings.keymap import named
from limatui.widgets.lines import Lines

if TYPE_CHECKING:
    from limatui.app import Dashboard

_ROWS = 14


class _Found(Lines):
    ground = "panel-ground"
    at = -1

    def render_line(self, y: int) -> Strip:
        line = self._lines[y] if y < len(self._lines) else ()
        return self.ink.strip(line, self.size.width, "raised" if y == self.at and line else self.ground)


class Palette(ModalScreen[str]):
    """Returns the id of the chosen action, or an empty string."""

    BINDINGS: ClassVar[list[BindingType]] = named("palette", [
        Binding("escape", "dismiss('')", "back"),
        Binding("ctrl+y", "copy", "copy its command"),
        Binding("down,ctrl+n,tab", "move(1)", "down"), Binding("up,ctrl+p,shift+tab", "move(-1)", "up"),
    ])

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self._subject = subject
        self._found: tuple[Action, ...] = ()
        self._at = 0

    def compose(self) -> ComposeResult:
        """What is looked for, and what was found."""
        with Vertical(classes="sheet", id="palette"):
            yield Input(placeholder="what do you want to do?")
            yield _Found()

    def on_mount(self) -> None:
        """Everything."""
        self.query_one(_Found).styles.height = _ROWS + 1
        self._look("")

    def on_resize(self) -> None:
        """Other cuts."""
        self._draw()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._look(event.value)

    def _look(self, query: str) -> None:
        found = matches(query)
        possible = [each for each in found if not each.reason(self._subject)]
        self._found = (*possible, *(each for each in found if each not in possible))
        self._at = 0
        self._draw()

    def _draw(self) -> None:
        found = self.query_one(_Found)
        first = max(0, self._at - _ROWS + 1)
        lines = [palette_line(each, self._subject, found.size.width) for each in self._found[first:first + _ROWS]]
        found.at = self._at - first + 1
        found.show([(), *(lines or [(("no action is called that", "dim"),)])])
        found.refresh()

    def action_move(self, step: int) -> None:
        """Another one."""
        if self._found:
            self._at = (self._at + step) % len(self._found)
            self._draw()

    def action_copy(self) -> None:
        """Copy the command that does the same."""
        command = self._found[self._at].command(self._subject) if self._found else ""
        board: Dashboard = self.app  # type: ignore[assignment]
        if command:
            board.copy(command)
        else:
            board.tell("no command does that", severity="warning")

    @on(Input.Submitted)
    def _chosen(self) -> None:
        if self._found:
            self.dismiss(self._found[self._at].id)
