"""An editor with everything around it: problems, completion, effective view, search, saving that loses nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.timer import Timer
from textual.widgets import TextArea

from limacore.errors import LimaError
from limacore.model.config import Problem
from limatui.ink import Line
from limatui.present import effective as values
from limatui.sanitize import sanitize_line
from limatui.settings.keymap import named
from limatui.texts.buffers import Buffer, Buffers
from limatui.texts.recovery import Recovery
from limatui.texts.source import Source
from limatui.widgets.aboard import Aboard
from limatui.widgets.ask import Ask
from limatui.widgets.background import begin
from limatui.widgets.editor.area import YamlEditor
from limatui.widgets.editor.around import Around
from limatui.widgets.editor.checking import Checking
from limatui.widgets.editor.completing import Completing
from limatui.widgets.editor.completion import CompletionList
from limatui.widgets.editor.diff import diff, title
from limatui.widgets.editor.effective import EffectiveView
from limatui.widgets.editor.findline import FindLine
from limatui.widgets.editor.keydoc import problem_lines
from limatui.widgets.editor.saving import Saving
from limatui.widgets.editor.yamltext import field_at

PAUSE = 0.2
"""Seconds without a key before the text is checked."""
KEEP = 0.4
"""Seconds after the first change until the text is in the recovery file."""
WIDE = 96
"""Columns from which on there is room for the text beside the editor."""


class TextPane(Aboard):
    """Edits one text at a time; texts not saved are kept for each."""

    BINDINGS: ClassVar[list[BindingType]] = named("editor", [
        Binding("ctrl+s", "save", "save", key_display="ctrl+s"),
        Binding("f2", "effective", "effective", key_display="F2"),
        Binding("f2", "text", "text", key_display="F2", id="editor.effective"),  # the way back has the same key
        Binding("f3", "diff", "diff", key_display="F3"),
        Binding("f8", "next_problem(1)", "next problem", key_display="F8"),
        Binding("ctrl+@", "complete", "complete", key_display="ctrl+space"),  # what most terminals send for ctrl+space
        Binding("ctrl+space", "complete", "complete", show=False),
        Binding("ctrl+f", "find(False)", "find", key_display="ctrl+f"),
        Binding("ctrl+g", "find(True)", "go to line", show=False),
        Binding("f4", "problems", "problems", show=False),
        Binding("f7,shift+f8", "next_problem(-1)", "problem before", show=False),
        Binding("f9", "forget_waiting", "drop what waits", key_display="F9"),
        Binding("escape", "leave", "leave", show=False),
    ])

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.opened: Buffer | None = None
        self.viewing = False
        self.checking = Checking(self)
        self._pauses: dict[str, Timer] = {}
        self._to_keep = False
        self._buffers: Buffers | None = None
        self.saving = Saving(self)
        self.editor = YamlEditor(read_only=True)  # until there is a text: what is typed before would be lost
        self.editor.highlight_cursor_line = True
        self.completion = CompletionList()
        self.completing = Completing(self)
        self.view = EffectiveView()
        self.around = Around(self)
        self._find = FindLine(self.editor)

    def compose(self) -> ComposeResult:
        """Header, editor with the text beside it, search, the message of the line, completions over all of it."""
        yield self.around.head
        with Horizontal():
            yield self.editor
            yield self.view
            with VerticalScroll(classes="aside", can_focus=False):
                yield self.around.aside
        yield self._find
        yield self.around.foot
        yield self.completion

    def on_mount(self) -> None:
        """The editor asks the completions about each key."""
        self.editor.take_key = self.completion.take

    async def on_unmount(self) -> None:
        """Whatever is not saved is kept."""
        if self._buffers is not None:
            with contextlib.suppress(LimaError):  # said while it was typed, and there is no screen any more
                await self._buffers.keep_all()

    @property
    def buffers(self) -> Buffers:
        """All texts of this pane."""
        if self._buffers is None:
            self._buffers = Buffers(Recovery(self.engine.home, self.engine.unsaved))
        return self._buffers

    @property
    def unsaved(self) -> tuple[str, ...]:
        """Names whose text was changed and not saved; ask before the app ends."""
        return self._buffers.unsaved if self._buffers else ()

    async def drop_all(self) -> None:
        """Forget every change, also in the recovery files."""
        await self.buffers.drop_all()

    @property
    def buffer(self) -> Buffer | None:
        """The text that is shown."""
        return self.opened

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the text, by line."""
        return self.checking.problems

    def is_up(self, buffer: Buffer) -> bool:
        """Whether an instance of that text is running."""
        return False

    # --- opening

    async def open(self, source: Source) -> None:
        """Show a text; what was typed in the one before is kept."""
        self.opened, self.editor.read_only = None, True
        try:
            buffer = await self.buffers.open(source)
        except (LimaError, OSError) as error:
            self.say_instead(source.name, str(error))
            return
        self.take(buffer)
        await self.completing.learn_names()
        if (left := await self.buffers.left_over(buffer)) is not None and self.opened is buffer:
            self.saving.offer_left_over(buffer, left)

    def say_instead(self, name: str, text: str) -> None:
        """There is nothing to edit, and why."""
        self.opened = None
        self.editor.disabled = True
        self.editor.load_text("")
        self.around.say_instead(name, text)

    def take(self, buffer: Buffer) -> None:
        """Put a buffer into the editor."""
        self.opened = buffer
        self.checking.forget()
        self.editor.disabled = self.editor.read_only = False
        self.completion.close()
        self.editor.load_text(buffer.text)
        buffer.became(self.editor.text)
        self.editor.go_to(buffer.row, buffer.column)
        self.around.mark()
        self.check()

    # --- typing

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Keep the text, and look at it after a pause."""
        event.stop()
        buffer = self.opened
        if buffer is None or buffer.text == self.editor.text:
            return
        buffer.text = self.editor.text
        if self.around.is_short:
            self.around.mark()
        self.after("check", PAUSE, self.check)
        if not self._to_keep:
            self._to_keep = True
            self.set_timer(KEEP, self.keep)
        self.completing.suggest()

    def after(self, what: str, seconds: float, act: Callable[[], None]) -> None:
        """Do it after a pause; a new wish begins the pause anew."""
        if what in self._pauses:
            self._pauses[what].stop()
        self._pauses[what] = self.set_timer(seconds, act)

    def keep(self) -> None:
        """Write the recovery file."""
        self._to_keep = False
        if self.opened is not None:
            begin(self, "config-keep", partial(self._keep, self.opened))

    async def _keep(self, buffer: Buffer) -> None:
        try:
            await self.buffers.keep(buffer)
        except LimaError as error:
            self.warn(f"the text cannot be kept against a crash: {error}")

    def on_text_area_selection_changed(self, event: TextArea.SelectionChanged) -> None:
        """Another line: another field, another message."""
        event.stop()
        if self.opened is not None:
            self.opened.row, self.opened.column = self.editor.cursor_location
            if not self.editor.typed:
                self.completion.close()
            self.around.tell()

    # --- checking

    def check(self) -> None:
        """Look for problems, in a thread."""
        if self.opened is not None:
            begin(self, "config-check", partial(self.checking.validate, self.opened))

    # --- completing

    def action_complete(self) -> None:
        """Show what could be written here."""
        self.completing.look_up()

    @on(CompletionList.Chosen)
    def _chosen(self, event: CompletionList.Chosen) -> None:
        self.completing.write(event.choice)

    @on(CompletionList.Moved)
    def _choice_moved(self) -> None:
        self.around.tell()

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Saving is shown dimmed while there is nothing to save; escape is ours only while there is something to do."""
        buffer = self.opened
        if action == "save":
            return True if buffer is not None and buffer.savable else None
        if action == "leave":
            return self.viewing or bool(buffer is not None and buffer.dirty)
        if action in ("complete", "effective", "text"):
            return self.viewing == (action == "text")
        return bool(buffer and buffer.waits) if action == "forget_waiting" else True

    def action_next_problem(self, step: int) -> None:
        """Go to the next line with a problem, or to the one before."""
        lines = sorted({problem.line - 1 for problem in self.problems if problem.line}, reverse=step < 0)
        row = self.editor.cursor_location[0]
        if lines:
            self._show_text()
            self.editor.go_to(next((line for line in lines if (line - row) * step > 0), lines[0]))

    def action_problems(self) -> None:
        """All problems, where there is no room for them beside the editor."""
        self.app.push_screen(Ask("Problems", problem_lines(self.problems, 70), ()))

    def action_diff(self) -> None:
        """Show what was changed."""
        buffer = self.opened
        if buffer is not None:
            told: tuple[Line, ...] = diff(buffer.saved, buffer.text) or ((("none", "dim"),),)
            self.app.push_screen(Ask("Changes", told, (), warning=title(buffer.saved, buffer.text)))

    def action_find(self, line_number: bool) -> None:
        """Look for text, or go to a line."""
        self._show_text()
        self._find.open(line_number=line_number)

    def action_effective(self) -> None:
        """The values that the text leads to, in the place of the text."""
        self.viewing = True
        self.add_class("-effective")
        self.view.show(self.checking.effective, self.checking.before)
        self.view.go_to(field_at(self.editor.document.lines, self.editor.cursor_location[0]))
        self.view.list.focus()
        self.check()

    def action_text(self) -> None:
        """From the values back to the text."""
        self._show_text()

    def _show_text(self) -> None:
        self.viewing = False
        self.remove_class("-effective")
        self.editor.focus()
        self.refresh_bindings()

    @on(EffectiveView.Looked)
    def _value_moved(self) -> None:
        self.around.tell()

    @on(EffectiveView.Jump)
    def _jump(self, event: EffectiveView.Jump) -> None:
        value = event.value
        if value.layer == "instance" and value.line:
            self._show_text()
            self.editor.go_to(value.line - 1)
        else:
            word = values.layer(value)[0]
            place = f"line {value.line} of {word}" if value.line else word
            self.notify(f"{values.path_text(value.path)} comes from: {place}", markup=False)

    def on_resize(self, event: events.Resize) -> None:
        """Beside the editor only where there is room."""
        self.set_class(event.size.width >= WIDE, "-wide")
        self.around.tell()

    async def action_save(self) -> None:
        """Check once more, show the change, then write."""
        await self.saving.save()

    def action_leave(self) -> None:
        """One step out: the effective view, then the text; asks what becomes of changes."""
        if self.viewing:
            self._show_text()
        else:
            self.saving.leave()

    async def action_forget_waiting(self) -> None:
        """Drop the edit that waits for the next start, after a question."""
        self.saving.forget_waiting()

    def warn(self, text: str) -> None:
        """Something did not work."""
        self.notify(sanitize_line(text), severity="error", markup=False)

    def on_focus(self, event: events.Focus) -> None:
        """The editor is what can be focused."""
        self.editor.focus()
