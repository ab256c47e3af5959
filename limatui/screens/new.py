"""The form of a new instance: a name, a template, and what differs from its defaults."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import ClassVar

from msgspec import Struct
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList

from limacore.base.units import parse_size
from limacore.errors import LimaError
from limacore.paths import check_instance_name
from limatui.ink import Line
from limatui.messages import CreateWanted
from limatui.sanitize import sanitize_line
from limatui.widgets.bar import Block

_FIELDS = (("name", "a name"), ("cpus", "of the template"), ("memory", "such as 4GiB"), ("disk", "such as 20GiB"))

_WIDTH = 66


class Form(Struct, frozen=True):
    """What was typed."""

    name: str
    template: str
    cpus: str = ""
    memory: str = ""
    disk: str = ""


def problem(form: Form, taken: frozenset[str]) -> str:
    """The first thing wrong with the form, or an empty string."""
    try:
        check_instance_name(form.name)
        for size in filter(None, (form.memory, form.disk)):
            parse_size(size)
    except LimaError as error:
        return f"{error.message}: {error.hint}" if error.hint else error.message
    if form.name in taken:
        return f"there is an instance `{form.name}` already"
    if form.cpus and not (form.cpus.isdecimal() and int(form.cpus) > 0):
        return f"cpus: `{form.cpus}` is not a number of processors"
    return ""


def command(form: Form, *, start: bool = True) -> str:
    """The equivalent command line."""
    flags = [f"--{key}={value}" for key, value in
             (("name", form.name), ("cpus", form.cpus), ("memory", form.memory), ("disk", form.disk)) if value]
    return " ".join(("limatui", "start" if start else "create", *flags, f"template:{form.template}"))


def told(text: str, sign: str, sign_mark: str, mark: str) -> tuple[Line, ...]:
    """The text in as many lines as it needs, the sign before the first."""
    lines = wrap(text, _WIDTH, break_on_hyphens=False)
    return tuple(((sign if index == 0 else "  ", sign_mark), (each, mark)) for index, each in enumerate(lines))


class NewScreen(ModalScreen[CreateWanted | None]):
    """Enter makes and starts it, ctrl+s only makes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "back"), Binding("ctrl+s", "make(False)", "create, do not start"),
        Binding("enter", "make(True)", "create and start", priority=True),
    ]

    def __init__(self, templates: Sequence[str], taken: frozenset[str]) -> None:
        super().__init__()
        self._templates = tuple(templates)
        self._taken = taken

    def compose(self) -> ComposeResult:
        """The fields, then what is wrong, then the command."""
        with Vertical(classes="sheet"):
            yield Block([(("A new instance", "bold"),)], ground="panel-ground")
            for field, hint in _FIELDS[:1]:
                yield from self._field(field, hint)
            with Container(classes="field -tall"):
                yield Label("template")
                yield OptionList(*map(sanitize_line, self._templates), markup=False)
            for field, hint in _FIELDS[1:]:
                yield from self._field(field, hint)
            yield Block((), ground="panel-ground", id="state")

    def _field(self, field: str, hint: str) -> ComposeResult:
        with Container(classes="field"):
            yield Label(field)
            yield Input(placeholder=hint, id=field)

    def on_mount(self) -> None:
        """A name that is free, the first template."""
        name = self.query_one("#name", Input)
        name.value = self._free_name()
        name.focus()
        name.select_all()
        self.query_one(OptionList).highlighted = 0

    def _free_name(self) -> str:
        names = ("default", *(f"vm{number}" for number in range(1, len(self._taken) + 2)))
        return next(name for name in names if name not in self._taken)

    @property
    def form(self) -> Form:
        """What is typed now."""
        at = self.query_one(OptionList).highlighted
        values = {field: self.query_one(f"#{field}", Input).value.strip() for field, _ in _FIELDS}
        return Form(template=self._templates[at or 0], **values)

    @on(Input.Changed)
    @on(OptionList.OptionHighlighted)
    def _changed(self) -> None:
        form = self.form
        wrong = problem(form, self._taken)
        state = told(wrong, "✗ ", "bad", "bad") if wrong else told(command(form), "$ ", "accent-key", "dim")
        keys = (("enter", "create and start"), ("ctrl+s", "only create"), ("tab", "next field"), ("esc", "back"))
        off = {"enter", "ctrl+s"} if wrong else set()
        spans = [span for key, does in keys
                 for span in ((key, "faint" if key in off else "bold accent-key"), (f" {does}  ", "dim"))]
        self.query_one("#state", Block).show(((), *state, (), tuple(spans)))

    def action_make(self, start: bool) -> None:
        """Give the form back when nothing is wrong with it."""
        form = self.form
        if not problem(form, self._taken):
            self.dismiss(CreateWanted(form.name, form.template, start=start, cpus=int(form.cpus) if form.cpus else None,
                                      memory=form.memory or None, disk=form.disk or None))
