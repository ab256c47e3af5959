"""The logs pane: every log of an instance, one at a time, followed, searchable."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input

from limacore.errors import LimaError
from limacore.model.logfile import LogFile
from limatui.api import EngineApi
from limatui.ink import Line, Span, width
from limatui.present.words import size
from limatui.sanitize import sanitize_line
from limatui.widgets.background import begin
from limatui.widgets.bar import Bar
from limatui.widgets.logfile import Page
from limatui.widgets.logview import Found, LogView

_GAP = 3
LOOK_AGAIN = 2.0
"""Seconds between looks for logs that came or went."""


def tabs(logs: tuple[LogFile, ...], current: int, cells: int) -> Line:
    """The row of logs; where it is too long its beginning is left out, so that the current one is to be seen."""
    first = 0
    while first < current and sum(len(log.label) + _GAP for log in logs[first : current + 1]) + _GAP > cells:
        first += 1
    spans: list[Span] = [("… ", "faint")] if first else []
    for at, log in enumerate(logs[first:], first):
        spans += [(sanitize_line(log.label), "accent-key bold" if at == current else "dim"), (" " * _GAP, "")]
    return tuple(spans)


def position(page: Page) -> Line:
    """Size, place and whether the end is followed."""
    if not page.there and not page.size:
        return (("gone", "warn"),)
    number, unit = size(page.size)
    where: Span = ("following", "running") if page.at_end else (f"{page.share * 100:.0f} %", "number")
    new: Line = ((f"   ↓ {page.new:,} new", "warn"),) if page.new and not page.at_end else ()
    gone: Line = () if page.there else (("   deleted", "warn"),)
    return ((f"{number} ", "number"), (unit, "dim"), ("   ", ""), where, *new, *gone)


def finding(found: Found) -> Line:
    """What the search found so far."""
    if not found.text:
        return ()
    more = "+" if found.counting else ""
    if found.looking:
        state: Span = ("looking …", "dim")
    elif found.at is None:
        state = ("not found", "warn")
    else:
        state = (f"{found.number or '…'} of {found.total:,}{more}", "number")
    wrapped: Line = (("  from the start again", "faint"),) if found.wrapped else ()
    return (("/", "accent-key"), (f"{found.text}  ", ""), state, *wrapped, ("   n N next, previous   ", "faint"))


class LogsPane(Widget):
    """The logs of one instance."""

    instance: reactive[str] = reactive("", init=False)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "search"),
        Binding("left_square_bracket", "source(-1)", "earlier log", key_display="["),
        Binding("right_square_bracket", "source(1)", "next log", key_display="]"),
        Binding("escape", "leave_search", "end search", show=False),
    ]

    def __init__(self, instance: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._logs: tuple[LogFile, ...] = ()
        self._current = 0
        self.set_reactive(LogsPane.instance, instance)

    def compose(self) -> ComposeResult:
        """Row of logs, the log, the search line or the position."""
        yield Bar(ground="panel-ground", classes="head")
        yield LogView()
        yield Input(placeholder="search, enter finds", classes="search", compact=True)
        yield Bar(classes="foot")

    @property
    def view(self) -> LogView:
        """The log that is shown."""
        return self.query_one(LogView)

    @property
    def engine(self) -> EngineApi:
        """The engine of the app."""
        engine: EngineApi = self.app.bridge.engine  # type: ignore[attr-defined]
        return engine

    def on_show(self) -> None:
        """Read while on the screen only."""
        self._look(self.instance)

    def on_hide(self) -> None:
        """Stop reading."""
        self.workers.cancel_group(self, "logs")
        self.view.close()
        self._logs = ()

    def watch_instance(self) -> None:
        """Another machine."""
        self._logs, self._current = (), 0
        self.view.open(None)
        if self.is_on_screen:
            self._look(self.instance)

    def _look(self, name: str) -> None:
        begin(self, "logs", partial(self._watch_logs, name))

    async def _watch_logs(self, name: str) -> None:
        while name:
            try:
                self._take(await asyncio.to_thread(self.engine.log_files, name))
            except LimaError as error:
                self.query_one(".foot", Bar).show(((error.message, "bad"),))
            await asyncio.sleep(LOOK_AGAIN)

    def _take(self, logs: tuple[LogFile, ...]) -> None:
        """Use the list of logs; the one that is shown stays."""
        before = self._logs[self._current] if self._current < len(self._logs) else None
        self._logs = logs
        labels = [log.label for log in logs]
        self._current = labels.index(before.label) if before is not None and before.label in labels else 0
        now = logs[self._current] if logs else None
        if now != before:
            self.view.open(now.path if now else None, json=bool(now and now.json))
        self._show()

    def _show(self) -> None:
        head = self.query_one(".head", Bar)
        if not self._logs:
            head.show(((self.instance, "bold"), ("  has no logs yet: they appear when it starts", "dim")))
            self.query_one(".foot", Bar).show(())
            return
        hint: Line = ((" [ ] other log", "faint"),) if len(self._logs) > 1 else ()
        head.show(tabs(self._logs, self._current, head.content_size.width - width(hint)), hint)
        self.query_one(".foot", Bar).show(finding(self.view.found) + position(self.view.page),
                                          (("/ search", "faint"),))

    def on_log_view_changed(self, event: LogView.Changed) -> None:
        """Refresh the status line."""
        event.stop()
        if self._logs:
            self._show()

    def action_source(self, step: int) -> None:
        """Show another log."""
        if self._logs:
            self._current = (self._current + step) % len(self._logs)
            log = self._logs[self._current]
            self.view.open(log.path, json=log.json)
            self._show()

    def action_search(self) -> None:
        """Ask what to look for."""
        self.add_class("-searching")
        search = self.query_one(Input)
        search.value = ""
        search.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Look for it."""
        event.stop()
        self.remove_class("-searching")
        self.view.focus()
        self.view.find(event.value)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape belongs to others unless there is a search to end."""
        if action == "leave_search":
            return self.has_class("-searching") or bool(self.view.found.text)
        return True

    def action_leave_search(self) -> None:
        """End the search, or only its question."""
        if self.has_class("-searching"):
            self.remove_class("-searching")
        else:
            self.view.find("")
        self.view.focus()

    def on_focus(self, event: events.Focus) -> None:
        """The log is what can be focused."""
        self.view.focus()
