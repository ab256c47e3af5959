"""What widgets and screens of the dashboard may ask of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from textual.widget import Widget

from limatui.api import EngineApi
from limatui.messages import JobBegin, JobWanted
from limatui.widgets.ask import Ask, Fill, Values

if TYPE_CHECKING:
    from limatui.app import Dashboard


class Aboard(Widget):
    """A widget that knows the dashboard it is part of. In a class with another widget base it stands last."""

    @property
    def board(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    @property
    def engine(self) -> EngineApi:
        """The engine of the app."""
        return self.board.bridge.engine

    def at_home(self, text: str) -> str:
        """Text with the Lima home as people write it; the demo's files lie elsewhere than it says."""
        return text.replace(self.engine.home, self.board.home)

    def want(self, begin: JobBegin) -> None:
        """Let the app begin a job."""
        self.post_message(JobWanted(begin))

    def ask(self, question: Ask, begin: JobBegin) -> None:
        """Begin a job unless the question is left."""
        self.app.push_screen(question, lambda answer: self.want(begin) if answer else None)

    def fill(self, form: Fill, begin: Callable[[Values], JobBegin]) -> None:
        """Begin a job with what is filled in."""
        self.app.push_screen(form, lambda values: None if values is None else self.want(begin(values)))
