"""Dialogs: a question with keys for answers, a form that checks as one types, a name typed as the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from textwrap import wrap
from typing import ClassVar, NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from limatui.ink import Line, width
from limatui.settings.keymap import named
from limatui.widgets.background import begin
from limatui.widgets.bar import Block

_WIDTH = 66
_GROUND = "panel-ground"
Values = tuple[str, ...]


class Choice(NamedTuple):
    """An answer: the key as Textual names it, the word shown, the value returned."""

    key: str
    label: str
    value: str


KeyHint = tuple[str, str, bool]
"""A key, what it does, and whether it does so now."""


def key_line(*keys: KeyHint) -> Line:
    """Keys and what they do; those that do nothing now are faint."""
    return tuple(span for key, does, on in keys
                 for span in ((key, "bold accent-key" if on else "faint"), (f" {does}   ", "dim" if on else "faint")))


class KeyLine(Block):
    """The keys of a dialog; a click on one that does something types it."""

    def __init__(self, *keys: KeyHint) -> None:
        super().__init__((key_line(*keys),), ground=_GROUND)
        self._keys = keys

    def offer(self, *keys: KeyHint) -> None:
        """Other keys."""
        self._keys = keys
        self.show((key_line(*keys),))

    def on_click(self, event: events.Click) -> None:
        """Type the key under the pointer."""
        end = 0
        for hint in self._keys:
            key, _, works = hint
            start, end = end, end + width(key_line(hint))
            if works and start <= event.x < end:
                self.app.simulate_key("escape" if key == "esc" else key)


def told(text: str, sign: str, sign_mark: str, mark: str) -> tuple[Line, ...]:
    """The text in as many lines as it needs, the sign before the first."""
    lines = wrap(text, _WIDTH, break_on_hyphens=False)
    return tuple(((sign if index == 0 else "  ", sign_mark), (each, mark)) for index, each in enumerate(lines))


class Ask(ModalScreen[str]):
    """Returns the value of the chosen answer, or an empty string on escape."""

    DEFAULT_CSS = """
    Ask VerticalScroll { height: auto; max-height: 70vh; margin: 1 0; scrollbar-size-vertical: 1; }
    Ask > .sheet { width: 90%; max-width: 100; }
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
        keys = (*((choice.key, choice.label, True) for choice in self._choices), ("esc", "leave it", True))
        with Vertical(classes="sheet"):
            yield Block(head, ground=_GROUND)
            with VerticalScroll():
                yield Block(self._lines, ground=_GROUND)
            yield KeyLine(*keys)

    def on_key(self, event: events.Key) -> None:
        """Answer."""
        event.stop()
        if event.key == "escape":
            self.dismiss("")
        for choice in self._choices:
            if event.key == choice.key:
                self.dismiss(choice.value)


class Field(NamedTuple):
    """A line to fill in."""

    label: str
    hint: str = ""
    value: str = ""


class Form(NamedTuple):
    """What is asked for. `wrong` says what is wrong with the values, empty when nothing is."""

    title: Sequence[Line]
    fields: Sequence[Field]
    wrong: Callable[[Values], str]
    command: Callable[[Values], str]
    """The equivalent command line."""
    verb: str = "create"
    look: Callable[[Values], tuple[bool, str]] | None = None
    """Looks at files, in a thread, when nothing is wrong: whether it will do, and what was found."""


class Fill(ModalScreen[Values | None]):
    """A form; returns its values when they are right, None on escape."""

    BINDINGS: ClassVar[list[BindingType]] = named("dialogs", [
        Binding("escape", "dismiss(None)", "leave it"), Binding("ctrl+s", "done", "done"),
    ])

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form

    def compose(self) -> ComposeResult:
        """Title, fields, the problem or the command, the keys."""
        with Vertical(classes="sheet"):
            yield Block(self._form.title, ground=_GROUND)
            for number, field in enumerate(self._form.fields):
                with Container(classes="field"):
                    yield Label(field.label)
                    yield Input(field.value, placeholder=field.hint, id=f"field-{number}")
            yield Block((), ground=_GROUND, id="state")
            yield KeyLine()

    def on_mount(self) -> None:
        """Begin with the first field."""
        first = self.query_one("#field-0", Input)
        first.focus()
        first.select_all()
        self._typed()

    @property
    def values(self) -> Values:
        """What is typed now."""
        count = len(self._form.fields)
        return tuple(self.query_one(f"#field-{number}", Input).value.strip() for number in range(count))

    @on(Input.Changed)
    def _typed(self) -> None:
        values = self.values
        problem = self._form.wrong(values)
        self._say(problem)
        if not problem and self._form.look is not None:
            begin(self, "look", partial(self._find_out, values))

    async def _find_out(self, values: Values, *, then_done: bool = False) -> None:
        assert self._form.look is not None
        fits, words = await asyncio.to_thread(self._form.look, values)
        self._say("" if fits else words, words)
        if fits and then_done:
            self.dismiss(values)

    def _say(self, problem: str, found: str = "") -> None:
        untouched = self.values == tuple(field.value for field in self._form.fields)
        signs = ("· ", "faint", "dim") if untouched else ("✗ ", "bad", "bad")
        state = told(problem, *signs) if problem else (
            *told(found, "✓ ", "running", "dim"), *told(self._form.command(self.values), "$ ", "accent-key", "dim"))
        more = (("tab", "next field", True),) if len(self._form.fields) > 1 else ()
        self.query_one("#state", Block).show(((), *state, ()))
        self.query_one(KeyLine).offer(("enter", self._form.verb, not problem), *more, ("esc", "leave it", True))

    @on(Input.Submitted)
    def action_done(self) -> None:
        """Return the values when they are right."""
        values = self.values
        if self._form.wrong(values):
            return
        if self._form.look is None:
            self.dismiss(values)
        else:
            begin(self, "look", partial(self._find_out, values, then_done=True))


class TypeName(ModalScreen[bool]):
    """The question before something is lost for good: True when the user typed the name."""

    BINDINGS: ClassVar[list[BindingType]] = named("dialogs", [Binding("escape", "dismiss(False)", "keep it")])

    def __init__(self, lines: Sequence[Line], name: str, verb: str) -> None:
        super().__init__()
        self._lines, self._name, self._verb = lines, name, verb

    def compose(self) -> ComposeResult:
        """What would go, and the answer."""
        with Vertical(classes="sheet"):
            yield Block(self._lines, ground=_GROUND)
            yield Input(placeholder=f"type {self._name} to {self._verb} it")
            yield Block(((),), ground=_GROUND)
            yield KeyLine(*self._keys(""))

    def _keys(self, typed: str) -> tuple[KeyHint, ...]:
        return ("enter", self._verb, typed == self._name), ("esc", "keep it", True)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self.query_one(KeyLine).offer(*self._keys(event.value))

    @on(Input.Submitted)
    def _answered(self, event: Input.Submitted) -> None:
        if event.value == self._name:
            self.dismiss(True)
