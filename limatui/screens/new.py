"""A new instance: a form derived from the schema, and beside it the lima.yaml that it leads to, which may be edited."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import TextArea

from limacore.config.edit import set_fields
from limacore.errors import LimaError
from limacore.model.config import Problem
from limacore.model.template import TemplateInfo
from limatui.messages import CreateWanted
from limatui.present import form as present
from limatui.present.keys import Key
from limatui.present.newform import state
from limatui.sanitize import sanitize_line
from limatui.settings.keymap import named
from limatui.widgets.aboard import Aboard
from limatui.widgets.background import begin
from limatui.widgets.bar import Bar, Block
from limatui.widgets.editor.area import YamlEditor
from limatui.widgets.editor.diff import changed_lines
from limatui.widgets.editor.keydoc import in_order, mark_of, summary
from limatui.widgets.footer import Footed, Footer
from limatui.widgets.form import Entry, TemplateEntry

_PAUSE = 0.12
"""Seconds without a key before the text is made anew."""
_WIDE = 100
_ROOMY = 32
"""Rows from which on there is room between the fields."""


class NewScreen(Screen[CreateWanted | None], Aboard, Footed):
    """Enter makes and starts it, ctrl+s only makes it."""

    BINDINGS: ClassVar[list[BindingType]] = named("new", [
        Binding("enter", "make(True)", "create and start", priority=True),
        Binding("ctrl+s", "make(False)", "only create"), Binding("f2", "text", "the text"),
        Binding("ctrl+r", "form_again", "form again"), Binding("ctrl+y", "copy", "copy command", priority=True),
        Binding("escape", "back", "back"), Binding("tab", "app.focus_next", "next field", show=False),
    ])

    def __init__(self, infos: Sequence[TemplateInfo], taken: frozenset[str], template: str = "") -> None:
        super().__init__()
        self._taken = taken
        self._names = tuple(each.name for each in infos if not each.hidden)
        self._template = template or ("default" if "default" in self._names else next(iter(self._names), ""))
        self._base = self._shown = self._written = ""
        self._at = "name"
        self._problems: tuple[Problem, ...] = ()
        self._changed: frozenset[int] = frozenset()
        self._pause: Timer | None = None
        self.by_hand = False
        self._head, self._state, self._which = Bar(ground="panel-ground"), Block(id="state"), Bar(id="which")
        self._called = Entry("name", value=present.free_name(taken, self._template))
        self._chooser = TemplateEntry(infos, self._template)
        self._entries = {path: Entry(path, words=present.field(path).choices) for path in present.PATHS}
        self.editor, self._footer = YamlEditor(), Footer()

    def compose(self) -> ComposeResult:
        """Fields on the left, the text on the right, keys below."""
        yield self._head
        with Horizontal():
            with Vertical(classes="side"):
                with VerticalScroll(classes="fields", can_focus=False):
                    yield self._called
                    yield self._chooser
                    yield from self._entries.values()
                yield self._state
            with Vertical(classes="reader"):
                yield self._which
                yield self.editor
        yield self._footer

    @property
    def form(self) -> present.Form:
        """What is typed now."""
        typed = {path: entry.value for path, entry in self._entries.items()}
        return present.Form(self._called.value, self._chooser.value, typed,
                            self.editor.text if self.by_hand else None)

    def on_mount(self) -> None:
        """A name that is free, marked so that typing replaces it."""
        self._head.show((("lima", "bold"), ("tui", "bold accent-key"), ("  A new instance", "dim")))
        self._called.take()
        self._follow()

    def on_resize(self, event: events.Resize) -> None:
        """The text beside the form where there is room."""
        self.set_class(event.size.width >= _WIDE, "-wide")
        self.set_class(event.size.height >= _ROOMY, "-roomy")
        self._draw()

    # --- from the form to the text

    @on(Entry.Changed)
    def _typed(self) -> None:
        self._follow()

    @on(Entry.Entered)
    def _entered(self, event: Entry.Entered) -> None:
        self._at = event.path
        self._draw()

    def _follow(self) -> None:
        """Make the text anew, after a pause."""
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(_PAUSE, lambda: begin(self, "new-text", self._make_text))
        self._draw()

    async def _make_text(self) -> None:
        form, engine = self.form, self.engine
        try:
            if form.template and form.template != self._shown:
                self._base = await asyncio.to_thread(lambda: engine.template_text(form.template, embedded=True))
                self._shown = form.template
                await self._learn_defaults(self._base)
            if not self.by_hand:
                text = await asyncio.to_thread(set_fields, self._base, present.changes(form.typed))
                self._write(text)
                self._changed = await asyncio.to_thread(changed_lines, self._base, text)
                self._reveal(text)
        except (LimaError, OSError) as error:
            self._problems = (Problem("", str(error)),)
        else:
            await self._check()
        self._draw()

    def _write(self, text: str) -> None:
        if text != self._written:
            self._written = text
            place = self.editor.scroll_offset
            self.editor.load_text(text)
            self.editor.scroll_to(*place, animate=False)

    def _reveal(self, text: str) -> None:
        """Show what the field that is being filled in came to."""
        row = next((row for row, line in enumerate(text.split("\n")) if line.startswith(f"{self._at}:")), None)
        if row is not None and row in self._changed:
            self.editor.go_to(row)

    async def _learn_defaults(self, base: str) -> None:
        found = await asyncio.to_thread(self.engine.effective, "draft", base)
        for path, text in present.defaults(found).items():
            self._entries[path].default(text or present.example(path))

    async def _check(self) -> None:
        text = self.editor.text
        found = await asyncio.to_thread(self.engine.check_template, "", text)
        if text == self.editor.text:
            self._problems = in_order(found)
            self.editor.mark({each.line - 1: mark_of(each) for each in found if each.line}, self._changed)

    # --- from the text to the form

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Once the text is changed by hand, the fields have nothing to say."""
        event.stop()
        if self.editor.text != self._written:
            self.by_hand = True
            self._follow()

    def action_form_again(self) -> None:
        """What was written by hand is dropped."""
        self.by_hand, self._written = False, ""
        self._called.take()
        self._follow()

    # --- drawing

    def _wrong(self) -> tuple[str, str]:
        where, wrong = present.problem(self.form, self._taken, self._names)
        error = next((each for each in self._problems if each.severity == "error"), None)
        if not wrong and error is not None:
            place = f"line {error.line}: " if error.line else ""
            return "", f"{place}{sanitize_line(error.message)}"
        return where, wrong

    def _draw(self) -> None:
        if not self.is_running:
            return
        where, wrong = self._wrong()
        for path, entry in {"name": self._called, **self._entries}.items():
            entry.disabled = self.by_hand and path != "name"
            entry.mark("bad" if path == where else "accent-key" if path == self._at else "dim")
        self._chooser.disabled = self.by_hand
        self._chooser.mark("bad" if where == "template" else "accent-key" if self._at == "template" else "dim")
        caution = present.caution(self.form.typed, self.board.fleet.host)
        self._state.show(state(self.form, self._at, wrong, caution, max(24, self._state.size.width)))
        said = "written by hand: ctrl+r is the form again" if self.by_hand else "what it leads to, with its bases"
        self._which.show(((said, "warn" if self.by_hand else "faint"),), summary(self._problems))
        self._keys(not wrong)

    def _keys(self, right: bool) -> None:
        self._footer.keys((
            Key("enter", "create and start", right, "make(True)"), Key("ctrl+s", "only create", right, "make(False)"),
            Key("tab", "next field", True, "app.focus_next"),
            Key("F2", "form" if self.has_class("-text") else "edit the text", True, "text"),
            *((Key("ctrl+r", "form again", True, "form_again"),) if self.by_hand else ()),
            Key("ctrl+y", "copy command", True, "copy"), Key("esc", "back", True, "back"),
        ), ())

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the text enter is a new line and ctrl+y brings back what was undone; among the templates enter chooses."""
        if action in ("make", "copy") and parameters != (False,):
            choosing = action == "make" and self._chooser.choosing
            return not (self.editor.has_focus or choosing)
        return True

    def action_text(self) -> None:
        """Into the text, or back to the form."""
        if self.editor.has_focus:
            self.action_back()
        else:
            self.add_class("-text")
            self.editor.focus()
            self._draw()

    def action_back(self) -> None:
        """From the text to the form; from the form away."""
        if self.editor.has_focus:
            self.remove_class("-text")
            self._called.take()
            self._draw()
        else:
            self.dismiss(None)

    def action_copy(self) -> None:
        """Copy the equivalent command."""
        self.board.copy(present.command(self.form))

    def action_make(self, start: bool) -> None:
        """Give the form back when nothing is wrong with it."""
        if not self._wrong()[1]:
            begin(self, "make", partial(self._make, start))

    async def _make(self, start: bool) -> None:
        """Look once more at what was typed last, then let it be made."""
        await self._make_text()
        form, changes = self.form, present.changes(self.form.typed)
        if self._wrong()[1]:
            return
        if form.text is not None:
            self.dismiss(CreateWanted(form.name, form.template, start=start, text=form.text))
            return
        cpus, memory, disk = (changes.pop(key, None) for key in ("cpus", "memory", "disk"))
        self.dismiss(CreateWanted(
            form.name, form.template, start=start, cpus=cpus if isinstance(cpus, int) else None,
            memory=memory if isinstance(memory, str) else None, disk=disk if isinstance(disk, str) else None,
            changes=changes))
