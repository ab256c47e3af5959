"""The effective view: every value of the filled configuration, searchable, with the way to where it is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from limacore.model.template import Effective
from limatui.ink import Line
from limatui.present.effective import Values, matching, path_text, row
from limatui.settings.keymap import named
from limatui.widgets.bar import Bar
from limatui.widgets.picklist import PickList


class EffectiveView(Vertical):
    """A list of values with a search line; enter goes to the line that a value was written at."""

    BINDINGS: ClassVar[list[BindingType]] = named("editor", [
        Binding("slash", "search", "search", key_display="/"),
        Binding("enter", "jump", "to its line", key_display="enter"),
    ])

    class Jump(Message):
        """Show where a value was written."""

        def __init__(self, value: Effective) -> None:
            super().__init__()
            self.value = value

    class Looked(Message):
        """Another value is under the cursor."""

    def __init__(self) -> None:
        super().__init__()
        self.found: tuple[Effective, ...] = ()
        self.before: Values = {}
        self._query = ""
        self._what = Bar(classes="what")
        self.list: PickList[Effective] = PickList(self._line, lambda each: each.path)

    def compose(self) -> ComposeResult:
        """Title, search, values."""
        yield self._what
        yield Input(placeholder="search: a field, a value, a layer", classes="line")
        yield self.list

    def _line(self, each: Effective, width: int) -> Line:
        return row(each, width, self.before)

    def show(self, found: Sequence[Effective], before: Values) -> None:
        """Other values."""
        self.found, self.before = tuple(found), before
        self._refill()

    def _refill(self) -> None:
        seen = matching(self.found, self._query)
        self.list.show(seen)
        count = f"{len(seen)} of {len(self.found)} values" if self._query else f"{len(self.found)} values"
        self._what.show((("EFFECTIVE", "faint"), (f"   {count}", "dim")),
                        (("here", ""), (" is the text itself", "faint")))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._query = event.value
        self._refill()

    @on(Input.Submitted)
    def _done(self, event: Input.Submitted) -> None:
        event.stop()
        self.list.focus()

    @on(PickList.Moved)
    def _moved(self, event: PickList.Moved) -> None:
        # What a widget's own parent made it say does not bubble further, so it is said again.
        event.stop()
        self.post_message(self.Looked())

    def action_search(self) -> None:
        """Type what to look for."""
        self.query_one(Input).focus()

    def action_jump(self) -> None:
        """To the line of the value."""
        if self.list.current is not None:
            self.post_message(self.Jump(self.list.current))

    def go_to(self, path: Sequence[str | int]) -> None:
        """Put the cursor on the first value below a field."""
        if not path:
            return
        for index, each in enumerate(self.list.items):
            if each.path and each.path[0] == path[0]:
                self.list.action_move(-len(self.list.items))
                self.list.action_move(index)
                return

    @property
    def text(self) -> str:
        """The values as text, to copy."""
        return "\n".join(f"{path_text(each.path)}: {each.value}" for each in self.list.items)
