"""Fields under each other: a label, an entry, and the words that an entry may hold on its arrow keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input

from limacore.model.template import TemplateInfo
from limatui.ink import Line, cut, fit
from limatui.present.templates import matching
from limatui.sanitize import sanitize_line
from limatui.settings.keymap import named
from limatui.widgets.bar import Bar
from limatui.widgets.lines import Lines

_LABEL = 12
_ROWS = 6


class Entry(Horizontal):
    """One field; the arrows go through its `words`."""

    BINDINGS: ClassVar[list[BindingType]] = named("new", [
        Binding("down", "turn(1)", "next word", show=False), Binding("up", "turn(-1)", "word before", show=False),
    ])

    class Changed(Message):
        """Another text."""

    class Entered(Message):
        """The keyboard is here now."""

        def __init__(self, path: str) -> None:
            super().__init__()
            self.path = path

    def __init__(self, path: str, *, words: Sequence[str] = (), value: str = "") -> None:
        super().__init__(id=f"field-{path}", classes="entry")
        self.path, self.words = path, tuple(word for word in words if word)
        self._label, self._input = Bar(classes="label"), Input(value, classes="line")

    def compose(self) -> ComposeResult:
        """Label and entry."""
        yield self._label
        yield self._input

    def on_mount(self) -> None:
        """Nothing is wrong yet."""
        self.mark("dim")

    def mark(self, mark: str) -> None:
        """The colour of the label."""
        self._label.show(((self.path, mark),))

    @property
    def value(self) -> str:
        """What is typed, trimmed."""
        return self._input.value.strip()

    @value.setter
    def value(self, text: str) -> None:
        self._input.value = text
        self._input.cursor_position = len(text)

    def default(self, text: str) -> None:
        """What it is while nothing is typed."""
        self._input.placeholder = sanitize_line(text)

    def take(self) -> None:
        """Give it the keyboard, everything marked, so that typing replaces it."""
        self._input.focus()
        self._input.select_all()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without words the arrows are for what is around."""
        return bool(self.words) if action == "turn" else True

    def action_turn(self, step: int) -> None:
        """The next word."""
        at = self.words.index(self.value) + step if self.value in self.words else (0 if step > 0 else -1)
        self.value = self.words[at % len(self.words)]

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed())

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Tell that the keyboard is here."""
        self.post_message(self.Entered(self.path))


class TemplateEntry(Vertical):
    """The template: typing searches, the arrows choose, what was found stands below while one is here."""

    BINDINGS: ClassVar[list[BindingType]] = named("new", [
        Binding("down", "turn(1)", "next", show=False), Binding("up", "turn(-1)", "before", show=False),
    ])

    def __init__(self, infos: Sequence[TemplateInfo], value: str) -> None:
        super().__init__(id="template")
        self._infos = tuple(each for each in infos if not each.hidden)
        self._found = matching(self._infos, "")
        self._at = next((at for at, each in enumerate(self._found) if each.name == value), 0)
        self._entry = Entry("template", value=self.value)
        self._list = Lines()

    def compose(self) -> ComposeResult:
        """The entry and what was found."""
        yield self._entry
        yield self._list

    @property
    def value(self) -> str:
        """The name of the chosen template; empty when none is like what was typed."""
        return self._found[self._at].name if self._found else ""

    @property
    def info(self) -> TemplateInfo | None:
        """The chosen template."""
        return self._found[self._at] if self._found else None

    def mark(self, mark: str) -> None:
        """The colour of the label."""
        self._entry.mark(mark)

    def on_mount(self) -> None:
        """Draw the list."""
        self._draw()

    def on_resize(self) -> None:
        """Other cuts."""
        self._draw()

    def on_entry_changed(self, event: Entry.Changed) -> None:
        """Search; what arrows wrote is no search."""
        typed = self._entry.value
        if typed == self.value:
            return
        self._found, self._at = matching(self._infos, typed), 0
        self._draw()

    def action_turn(self, step: int) -> None:
        """Another of those found."""
        if self._found:
            self._at = (self._at + step) % len(self._found)
            self._entry.value = self.value
            self._draw()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Show the list, of all templates."""
        self.add_class("-open")
        chosen = self.value
        self._found = matching(self._infos, "")
        self._at = next((at for at, each in enumerate(self._found) if each.name == chosen), 0)
        self._draw()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """The list goes, the chosen name stays."""
        self.remove_class("-open")
        if self.value:
            self._entry.value = self.value

    @property
    def choosing(self) -> bool:
        """Whether the list is open."""
        return self.has_class("-open")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Chosen: on to the next field."""
        event.stop()
        self.screen.focus_next()

    def _draw(self) -> None:
        rows = min(_ROWS, max(1, len(self._found)))
        first = max(0, min(self._at - rows // 2, len(self._found) - rows))
        shown = self._found[first:first + rows]
        lines = [self._line(each, first + row == self._at) for row, each in enumerate(shown)]
        self._list.styles.height = rows
        self._list.show(lines or [((" " * _LABEL, ""), ("no template is like that", "warn"))])

    def _line(self, info: TemplateInfo, here: bool) -> Line:
        head: Line = ((" " * (_LABEL - 1), ""), ("▎" if here else " ", "accent-key"))
        name = fit(sanitize_line(info.name), 18)
        return cut((*head, (name, "bold" if here else "dim"), (f" {sanitize_line(info.description)}", "faint")),
                   self._list.size.width)
