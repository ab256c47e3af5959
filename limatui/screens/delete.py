"""The question before an instance is deleted: what goes, and its name typed as the answer."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from limacore.model.instance import Instance
from limatui.actions import BY_ID
from limatui.ink import Line
from limatui.present.words import size
from limatui.widgets.bar import Block


class DeleteScreen(ModalScreen[bool]):
    """True when the user typed the name."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(False)", "keep it")]

    def __init__(self, subject: Instance) -> None:
        super().__init__()
        self._subject = subject

    def compose(self) -> ComposeResult:
        """What would go, and the answer."""
        with Vertical(classes="sheet"):
            yield Block(self._what(), ground="panel-ground")
            yield Input(placeholder=f"type {self._subject.name} to delete it")
            yield Block((), ground="panel-ground", id="state")

    def on_mount(self) -> None:
        """Nothing is typed yet."""
        self._show_state("")

    def _what(self) -> tuple[Line, ...]:
        subject = self._subject
        number, unit = size(subject.usage.disk_allocated)
        return (
            (("Delete ", "bold"), (subject.name, "bold bad"), ("?", "bold")), (),
            (("directory  ", "faint"), (subject.dir, "")),
            (("disk       ", "faint"), (f"{number} {unit}", ""), (" are given back", "dim")),
            (("command    ", "faint"), (BY_ID["delete"].command(subject), "dim")), (),
            (("It cannot be brought back. Additional disks stay.", "warn"),), (),
        )

    def _show_state(self, typed: str) -> None:
        ready = typed == self._subject.name
        key: Line = (("enter", "bold accent-key" if ready else "faint"), (" delete   ", "dim" if ready else "faint"))
        self.query_one("#state", Block).show(((), (*key, ("esc", "bold accent-key"), (" keep it", "dim"))))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._show_state(event.value)

    @on(Input.Submitted)
    def _answered(self, event: Input.Submitted) -> None:
        if event.value == self._subject.name:
            self.dismiss(True)
