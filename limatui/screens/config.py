"""The config pane: lima.yaml in an editor that checks while one types and saves only what loses nothing."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import ClassVar

from msgspec import Struct
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.reactive import reactive
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import TextArea

from limacore.errors import LimaError, StateError
from limacore.model.config import Problem
from limacore.model.instance import Fleet
from limatui.api import EngineApi
from limatui.ink import Line
from limatui.sanitize import sanitize_line
from limatui.widgets.ask import Ask, Choice
from limatui.widgets.background import begin
from limatui.widgets.bar import Bar, Block
from limatui.widgets.editor import YamlEditor
from limatui.widgets.keydoc import about, mark_of, problem_lines, summary, wrapped
from limatui.widgets.yamltext import changed_lines, count_changes, diff, key_path

PAUSE = 0.2
"""Seconds without a key before the text is checked."""
ASIDE = 40
WIDE = 96
"""Columns from which on there is room for the text beside the editor."""


class Buffer(Struct):
    """The text of one instance: as it was read, and as it stands in the editor."""

    saved: str
    text: str
    row: int = 0
    column: int = 0

    @property
    def dirty(self) -> bool:
        """Whether something would be lost."""
        return self.saved != self.text


def header(name: str, changes: int, problems: tuple[Problem, ...]) -> tuple[Line, Line]:
    """Whose file, whether saved, how many problems."""
    state = (f"● {changes} change{'s' * (changes > 1)}, not saved", "warn") if changes else ("saved", "faint")
    return ((name, "bold"), ("  lima.yaml   ", "dim"), state), summary(problems)


def when_saved(name: str, up: bool) -> str:
    """What saving will do."""
    if up:
        return f"{name} is running: the changes wait for its next start (r restarts it)"
    return f"{name} uses the changes when it starts"


class ConfigPane(Widget):
    """The editor for one instance at a time; texts not saved are kept for each."""

    instance: reactive[str] = reactive("", init=False)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "save", key_display="ctrl+s"),
        Binding("f3", "diff", "diff", key_display="F3"),
        Binding("f8", "next_problem", "next problem", key_display="F8"),
        Binding("escape", "leave", "leave", show=False),
    ]

    def __init__(self, instance: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._buffers: dict[str, Buffer] = {}
        self._opened = ""
        self.problems: tuple[Problem, ...] = ()
        self._timer: Timer | None = None
        self.set_reactive(ConfigPane.instance, instance)

    def compose(self) -> ComposeResult:
        """Header, editor with the text beside it, the message of the line."""
        yield Bar(ground="panel-ground", classes="head")
        with Horizontal():
            yield YamlEditor()
            with VerticalScroll(classes="aside", can_focus=False):
                yield Block()
        yield Bar(classes="foot")

    @property
    def editor(self) -> YamlEditor:
        """The editor."""
        return self.query_one(YamlEditor)

    @property
    def engine(self) -> EngineApi:
        """The engine of the app."""
        engine: EngineApi = self.app.bridge.engine  # type: ignore[attr-defined]
        return engine

    @property
    def unsaved(self) -> tuple[str, ...]:
        """Instances whose text was changed and not saved; ask before the app ends."""
        return tuple(name for name, buffer in self._buffers.items() if buffer.dirty)

    @property
    def buffer(self) -> Buffer | None:
        """The text of the instance that is shown."""
        return self._buffers.get(self._opened)

    def on_show(self) -> None:
        """Read the file, again when it has no changes here."""
        self._open(self.instance)

    def watch_instance(self) -> None:
        """Another machine; what was typed for the one before is kept."""
        if self.is_on_screen:
            self._open(self.instance)

    def on_resize(self, event: events.Resize) -> None:
        """Beside the editor only where there is room."""
        self.set_class(event.size.width >= WIDE, "-wide")
        self._tell()

    def _open(self, name: str) -> None:
        begin(self, "config", partial(self._load, name))

    async def _load(self, name: str) -> None:
        self._opened = ""
        text, error = "", "choose an instance: its lima.yaml is edited here"
        if name:
            try:
                text, error = await asyncio.to_thread(self.engine.read_config, name), ""
            except (LimaError, OSError) as failure:
                error = str(failure)
        self.editor.disabled = bool(error)
        if error:
            self.editor.load_text("")
            self.query_one(".head", Bar).show(((name, "bold"), (f"  {sanitize_line(error)}", "dim")))
            return
        buffer = self._buffers.get(name)
        if buffer is None or not buffer.dirty:
            buffer = self._buffers[name] = Buffer(text, text, *(buffer.row, buffer.column) if buffer else (0, 0))
        self._take(name, buffer)

    def _take(self, name: str, buffer: Buffer) -> None:
        """Put a buffer into the editor."""
        self._opened = name
        self.problems = ()
        self.editor.load_text(buffer.text)
        self.editor.go_to(buffer.row, buffer.column)
        self._mark()
        self._check()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Keep the text, and check it after a pause."""
        event.stop()
        buffer = self.buffer
        if buffer is None or buffer.text == self.editor.text:
            return
        buffer.text = self.editor.text
        self._mark()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(PAUSE, self._check)

    def on_text_area_selection_changed(self, event: TextArea.SelectionChanged) -> None:
        """Another line: another field, another message."""
        event.stop()
        if self.buffer is not None:
            self.buffer.row, self.buffer.column = self.editor.cursor_location
            self._tell()

    def _check(self) -> None:
        if self.buffer is not None:
            begin(self, "config-check", partial(self._validate, self._opened, self.buffer.text))

    async def _validate(self, name: str, text: str) -> None:
        try:
            problems = await asyncio.to_thread(self.engine.check_config, name, text)
        except LimaError as error:
            problems = (Problem("", error.message, error.hint),)
        if self._opened == name and self.buffer is not None and self.buffer.text == text:
            self.problems = tuple(sorted(problems, key=lambda problem: (problem.line or 0, problem.severity)))
            self._mark()

    def _mark(self) -> None:
        buffer = self.buffer
        if buffer is None:
            return
        # Errors come last, so that they win where a line has both.
        ordered = sorted(self.problems, key=lambda problem: problem.severity == "error")
        marks = {problem.line - 1: mark_of(problem) for problem in ordered if problem.line}
        self.editor.mark(marks, changed_lines(buffer.saved, buffer.text) if buffer.dirty else frozenset())
        self._tell()

    def _tell(self) -> None:
        buffer = self.buffer
        if buffer is None:
            return
        changes = count_changes(buffer.saved, buffer.text) if buffer.dirty else 0
        self.query_one(".head", Bar).show(*header(self._opened, changes, self.problems))
        row = self.editor.cursor_location[0]
        here = next((problem for problem in self.problems if problem.line == row + 1), None)
        self.query_one(".foot", Bar).show(_message(here) if here else ())
        self.query_one(".aside Block", Block).show(self._beside(row))

    def _beside(self, row: int) -> list[Line]:
        width = ASIDE - 4
        path = key_path(self.editor.document.lines, row)
        title: Line = (("PROBLEMS", "faint"),)
        lines = [*about(path, width), (), (), title, *problem_lines(self.problems, width)]
        if self.buffer is not None and self.buffer.dirty:
            said = when_saved(self._opened, self._is_up())
            lines += [(), (), (("WHEN SAVED", "faint"),), *wrapped(said, width, "dim")]
        return lines

    def _is_up(self) -> bool:
        fleet = getattr(self.app, "fleet", None)
        found = fleet.get(self._opened) if isinstance(fleet, Fleet) else None
        return found is not None and found.status.is_up

    def action_next_problem(self) -> None:
        """Go to the next line with a problem."""
        lines = sorted({problem.line - 1 for problem in self.problems if problem.line})
        if lines:
            row = self.editor.cursor_location[0]
            self.editor.go_to(next((line for line in lines if line > row), lines[0]))
            self.editor.focus()

    def action_diff(self) -> None:
        """Show what was changed."""
        buffer = self.buffer
        if buffer is not None:
            self.app.push_screen(Ask("Changes", diff(buffer.saved, buffer.text) or [(("none", "dim"),)], ()))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Saving is shown dimmed while it is refused; escape is ours only while there is something to lose."""
        buffer = self.buffer
        if action == "save":
            return True if buffer is not None and buffer.dirty else None
        return bool(buffer is not None and buffer.dirty) if action == "leave" else True

    async def action_save(self) -> None:
        """Check once more, show the change, then write."""
        buffer, name = self.buffer, self._opened
        if buffer is None or not buffer.dirty:
            return
        await self._validate(name, buffer.text)
        error = next((problem for problem in self.problems if problem.severity == "error"), None)
        if error is not None:
            if error.line and self.editor.cursor_location[0] != error.line - 1:
                self.editor.go_to(error.line - 1)
            place = f"line {error.line}: " if error.line else ""
            self._warn(f"not saved: {place}{error.message}")
            return
        question = Ask("Save lima.yaml?", diff(buffer.saved, buffer.text), (Choice("enter", "save", "save"),),
                       warning=when_saved(name, self._is_up()))
        self.app.push_screen(question, lambda answer: self._answered(answer, name, buffer))

    def _answered(self, answer: str | None, name: str, buffer: Buffer) -> None:
        self.editor.focus()
        if answer == "save":
            begin(self, "config-save", partial(self._write, name, buffer))

    async def _write(self, name: str, buffer: Buffer) -> None:
        text = buffer.text
        try:
            await asyncio.to_thread(lambda: self.engine.save_config(name, text, expected=buffer.saved))
        except StateError as error:
            await self._conflict(name, buffer, error)
        except (LimaError, OSError) as error:
            self._warn(f"not saved: {error}")
        else:
            buffer.saved = text
            self._mark()
            self.notify(when_saved(name, self._is_up()), title="lima.yaml saved", markup=False)

    async def _conflict(self, name: str, buffer: Buffer, error: LimaError) -> None:
        """Somebody else wrote the file: nothing of either text may be lost without a word."""
        try:
            disk = await asyncio.to_thread(self.engine.read_config, name)
        except (LimaError, OSError):
            disk = buffer.saved
        if disk == buffer.saved:
            self._warn(f"not saved: {error}")
            return
        choices = (Choice("r", "read the file, drop my changes", "reload"), Choice("k", "keep mine", "keep"))
        question = Ask("lima.yaml was changed by someone else", diff(buffer.saved, disk), choices,
                       warning="not saved; this is what changed in the file:")
        self.app.push_screen(question, lambda answer: self._settle(answer, name, buffer, disk))

    def _settle(self, answer: str | None, name: str, buffer: Buffer, disk: str) -> None:
        self.editor.focus()
        if not answer:
            return
        # Kept: the next save compares with what is in the file now, and its diff shows what it would undo.
        buffer.saved = disk
        if answer == "reload":
            buffer.text = disk
        if self._opened == name:
            self._take(name, buffer)

    def action_leave(self) -> None:
        """Ask what becomes of the changes."""
        buffer, name = self.buffer, self._opened
        if buffer is None:
            return
        choices = (Choice("s", "save", "save"), Choice("d", "drop the changes", "drop"),
                   Choice("k", "keep them for later", "keep"))
        question = Ask("There are changes that are not saved", diff(buffer.saved, buffer.text), choices)
        self.app.push_screen(question, lambda answer: self._left(answer, name, buffer))

    async def _left(self, answer: str | None, name: str, buffer: Buffer) -> None:
        if answer == "save":
            await self.action_save()
        elif answer == "drop":
            buffer.text = buffer.saved
            if self._opened == name:
                self._take(name, buffer)
        if answer in ("drop", "keep"):
            await self.run_action("screen.back")

    def _warn(self, text: str) -> None:
        self.notify(sanitize_line(text), severity="error", markup=False)

    def on_focus(self, event: events.Focus) -> None:
        """The editor is what can be focused."""
        self.editor.focus()


def _message(problem: Problem) -> Line:
    glyph, mark = mark_of(problem)
    hint: Line = ((f"  {sanitize_line(problem.hint)}", "dim"),) if problem.hint else ()
    return ((f"{glyph} {problem.line}  ", mark), (sanitize_line(problem.message), mark), *hint)

