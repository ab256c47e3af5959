"""The logs pane: every log of an instance, alone or merged by time, followed, filtered, searched."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.widgets import Input

from limacore.errors import LimaError
from limacore.model.logfile import LogFile
from limatui.ink import Line, width
from limatui.logs.levels import DEBUG, LEVELS
from limatui.logs.pattern import problem as problem_of
from limatui.logs.sift import EVERYTHING, problem
from limatui.present.logs import (
    EVERY_LOG,
    EVERY_MACHINE,
    FILTER,
    MARKED,
    SEARCH,
    Choice,
    choices,
    lines_that_pass,
    meaning,
    position,
    state,
    tabs,
)
from limatui.settings.keymap import named
from limatui.widgets.aboard import Aboard
from limatui.widgets.background import begin
from limatui.widgets.bar import Bar
from limatui.widgets.logs.ask import LogAsk
from limatui.widgets.logs.pick import PickLog
from limatui.widgets.logs.saving import LogSaving
from limatui.widgets.logs.view import LogView
from limatui.widgets.shown import Shown

LOOK_AGAIN = 2.0
"""Seconds between looks for logs that came or went."""
_QUESTIONS = {SEARCH: ("/", "text or /regex/"),
              FILTER: ("&", "text or /regex/, !not this, a & b")}


def _files(choice: Choice | None) -> list[tuple[str, object]]:
    return [(source.tag, source.log.path) for source in choice.sources] if choice else []


class LogsPane(Shown, Aboard):
    """The logs of one instance."""

    instance: reactive[str] = reactive("", init=False)
    BINDINGS: ClassVar[list[BindingType]] = named("logs", [
        Binding("escape", "leave", "end", key_display="esc"),
        Binding("slash", f"ask('{SEARCH}')", "search"),
        Binding("n", "view('again', True)", "next"),
        Binding("N", "view('again', False)", "before", show=False),
        Binding("ampersand", f"ask('{FILTER}')", "filter", key_display="&"),
        Binding("L", "level", "level"),
        Binding("a", f"merge('{EVERY_LOG}')", "by time"),
        Binding("A", f"merge('{EVERY_MACHINE}')", "all machines", show=False),
        Binding("o", "pick", "logs"),
        Binding("left_square_bracket", "source(-1)", "log before", key_display="[", show=False),
        Binding("right_square_bracket", "source(1)", "log after", key_display="]", show=False),
        Binding("enter", "view('fold')", "unfold", key_display="⏎"),
        Binding("w", "view('wrap')", "wrap"),
        Binding("s", "save", "save"),
        Binding("p", "pager", "pager"),
        Binding("y", "view('copy', False)", "copy"),
        Binding("Y", "view('copy', True)", "copy page", show=False),
        Binding("t", "view('times')", "times"),
        Binding("v", "view('raw')", "as written"),
    ])

    def __init__(self, instance: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._choices: tuple[Choice, ...] = ()
        self._current = 0
        self._alone = ""
        self._reads = False
        self._asking = ""
        self._filter_before = ""
        self._ends = (False, False)
        self.view = LogView()
        self._head, self._foot = Bar(ground="panel-ground", classes="head"), Bar(classes="foot")
        self._ask = LogAsk(self._entered)
        self._saving = LogSaving(self, self.view)
        self.set_reactive(LogsPane.instance, instance)

    def compose(self) -> ComposeResult:
        """Row of logs, the log, the line that is typed or the position."""
        yield self._head
        yield self.view
        yield self._ask
        yield self._foot

    @property
    def _label(self) -> str:
        return self._choices[self._current].label if self._choices else ""

    # --- which logs there are

    def on_show(self) -> None:
        """Read while on the screen only."""
        self._look(self.instance)

    def on_hide(self) -> None:
        """Stop reading."""
        self.workers.cancel_group(self, "logs")
        self.view.close()
        self._reads = False

    def on_unmount(self) -> None:
        """What is being written is given up."""
        self._saving.stop()

    def watch_instance(self) -> None:
        """Another machine."""
        self._choices, self._current = (), 0
        self.view.open(())
        if self.is_on_screen:
            self._look(self.instance)

    def _look(self, name: str) -> None:
        begin(self, "logs", partial(self._watch_logs, name))

    async def _watch_logs(self, name: str) -> None:
        while name:
            try:
                self._take(await asyncio.to_thread(self._find, name, *self._machines()))
            except LimaError as error:
                self._foot.show(((error.message, "bad"),))
            await asyncio.sleep(LOOK_AGAIN)

    def _machines(self) -> tuple[list[str], bool]:
        """Machines whose logs can be merged: those that are marked in the list, else all."""
        marked = [each.name for table in self.screen.query("InstanceTable") for each in getattr(table, "marked", ())]
        return marked or [each.name for each in self.app.fleet.instances], bool(marked)  # type: ignore[attr-defined]

    def _find(self, name: str, machines: Sequence[str], marked: bool) -> tuple[Choice, ...]:
        """Looks for the logs of other machines only while they are shown: there may be a thousand."""
        found: dict[str, Sequence[LogFile]] = dict.fromkeys(machines, ())
        for machine in machines if self._label in (EVERY_MACHINE, MARKED) else ():
            with contextlib.suppress(LimaError):  # gone meanwhile
                found[machine] = self.engine.log_files(machine)
        return choices(self.engine.log_files(name), found, marked=marked)

    def _take(self, found: tuple[Choice, ...]) -> None:
        """Use the list of logs; the one that is shown stays."""
        before = self._choices[self._current] if self._current < len(self._choices) else None
        self._choices = found
        labels = [choice.label for choice in found]
        self._current = labels.index(before.label) if before is not None and before.label in labels else 0
        now = found[self._current] if found else None
        if _files(now) != _files(before) or not self._reads:
            self.view.open(now.sources if now else ())
            self._reads = True
        self._show()

    def _show(self) -> None:
        head = self._head
        if not self._choices:
            head.show(((self.instance, "bold"), ("  has no logs yet: they appear when it starts", "dim")))
            self._foot.show(())
            return
        hint: Line = ((" [ ] other log", "faint"),) if len(self._choices) > 1 else ()
        labels = [choice.label for choice in self._choices]
        head.show(tabs(labels, self._current, head.content_size.width - width(hint)), hint)
        view = self.view
        if self._asking:
            self._tell()
        self._foot.show(state(view.found, view.wanted, view.page), position(view.page))

    def on_log_view_changed(self, event: LogView.Changed) -> None:
        """Refresh the status line, and the keys where there are others now."""
        event.stop()
        ends = bool(self.view.sought), self.view.wanted != EVERYTHING
        if ends != self._ends:
            self._ends = ends
            self.refresh_bindings()
        if self._choices:
            self._show()

    # --- another log

    def action_source(self, step: int) -> None:
        """Show another log."""
        if self._choices:
            self._turn_to((self._current + step) % len(self._choices))

    def _turn_to(self, number: int) -> None:
        self._current = number
        self.view.open(self._choices[number].sources)
        self._show()
        if self._label in (EVERY_MACHINE, MARKED):
            self._look(self.instance)

    def action_merge(self, label: str) -> None:
        """All logs by time; again, the one that was shown before."""
        labels, now = [choice.label for choice in self._choices], self._label
        if label == EVERY_MACHINE and MARKED in labels:
            label = MARKED
        if now not in (EVERY_LOG, EVERY_MACHINE, MARKED):
            self._alone = now
        wanted = self._alone if now == label else label
        if wanted in labels:
            self._turn_to(labels.index(wanted))
        else:
            self.notify("there is only one log" if label == EVERY_LOG else "there is only one machine")

    def action_pick(self) -> None:
        """A list of all logs, earlier boots too."""
        def picked(number: int | None) -> None:
            self.view.focus()
            if number is not None and number < len(self._choices):
                self._turn_to(number)
        if self._choices:
            self.app.push_screen(PickLog(self.instance, self._choices, self._current), picked)

    # --- search, filter, level

    def action_ask(self, what: str) -> None:
        """Ask what to look for, or which lines to show."""
        self._asking, self._filter_before = what, self.view.wanted.text
        self.add_class("-asking")
        self.view.ask(what == FILTER)
        sign, hint = _QUESTIONS[what]
        self._ask.ask(sign, hint, self._filter_before if what == FILTER else "")
        self._show()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        """A filter acts while it is typed."""
        event.stop()
        if self._asking == FILTER and not problem(event.value):
            self._filter(event.value)
        self._tell()

    def _tell(self) -> None:
        passed = lines_that_pass(self.view.page.passed) if self._asking == FILTER else ()
        self._ask.tell((*meaning(self._asking, self._ask.value), ("  ", ""), *passed))

    def _filter(self, text: str) -> None:
        self.view.choose(self.view.wanted._replace(text=text))

    def _entered(self, text: str) -> None:
        if problem(text) if self._asking == FILTER else problem_of(text):
            return
        self._ask.remember(text)
        if self._asking == SEARCH:
            self._seek(text)
        else:
            self._filter(text)
        self._asked()

    def _seek(self, text: str) -> None:
        if not text and self.view.sought:
            self.view.action_again(True)
        elif text or self._ask.last:
            self.view.find(text or self._ask.last)

    def _asked(self) -> None:
        self._asking = ""
        self.view.ask(False)
        self.remove_class("-asking")
        self.screen.set_focus(self.view)
        self._show()

    def action_level(self) -> None:
        """Show lines from the next level on; after errors everything again."""
        wanted = self.view.wanted
        self.view.choose(wanted._replace(level=(wanted.level + 1) % len(LEVELS)))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape belongs to others unless there is something to end."""
        view = self.view
        if action == "leave":
            return bool(self._asking or view.sought or view.wanted != EVERYTHING)
        if parameters[:1] == ("again",):
            return bool(view.sought)
        return not self._asking

    def action_leave(self) -> None:
        """End the question, the search, the filter, one at a time."""
        if self._asking == FILTER:
            self._filter(self._filter_before)
        elif not self._asking and self.view.sought:
            self.view.find("")
        elif not self._asking:
            self.view.choose(self.view.wanted._replace(text="", level=DEBUG))
        self._asked()

    async def action_view(self, action: str, *arguments: object) -> None:
        """A key of the log itself, that stands behind those of this pane in the footer."""
        await self.view.run_action(f"{action}({', '.join(map(repr, arguments))})")

    # --- taking lines out

    def action_save(self) -> None:
        """Into a file."""
        if self._choices:
            self._saving.ask(f"{self.instance}-{self._label.replace(' ', '-')}")

    def action_pager(self) -> None:
        """Into the user's pager."""
        self._saving.open_pager()
