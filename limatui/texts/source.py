"""What the editor edits: the lima.yaml of an instance, or a template. All methods may block: call them in a thread."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from limacore.errors import LimaError, NotFoundError, StateError
from limacore.model.config import Problem
from limacore.model.template import Effective
from limatui.actions import key
from limatui.api import EngineApi


class Held(Struct, frozen=True):
    """A text as it was read: `disk` is what the file holds, `text` differs where an edit waits for the next start."""

    text: str
    disk: str
    waits: bool = False
    new: bool = False
    """Whether there is no file yet."""


class Source(Protocol):
    """One text with a name."""

    kind: str
    """`lima.yaml` or `template`."""
    name: str

    def read(self) -> Held:
        """The text now; raises LimaError, OSError."""

    def check(self, text: str) -> tuple[Problem, ...]:
        """Every problem of a text."""

    def effective(self, text: str) -> tuple[Effective, ...]:
        """Every value that a text leads to."""

    def save(self, text: str, expected: str, up: bool) -> bool:
        """Write it if the file still holds `expected`; whether it waits for the next start. Raises StateError."""

    def forget_waiting(self) -> None:
        """Drop the edit that waits for the next start."""

    def when_saved(self, up: bool) -> str:
        """What saving will do."""


class InstanceText:
    """The lima.yaml of an instance; while it runs, what is saved waits for the next start."""

    kind = "lima.yaml"

    def __init__(self, engine: EngineApi, name: str) -> None:
        self._engine, self.name = engine, name

    def read(self) -> Held:
        """The edit that waits, or the file."""
        disk, waiting = self._engine.read_config(self.name), self._engine.queued(self.name)
        return Held(disk, disk) if waiting is None else Held(waiting, disk, waits=True)

    def check(self, text: str) -> tuple[Problem, ...]:
        """Every problem of a text."""
        return self._engine.check_config(self.name, text)

    def effective(self, text: str) -> tuple[Effective, ...]:
        """Every value that a text leads to."""
        return self._engine.effective(self.name, text)

    def save(self, text: str, expected: str, up: bool) -> bool:
        """Into lima.yaml, or beside it while the instance is up."""
        if not up:
            self._engine.save_config(self.name, text, expected=expected)
            return False
        if self._engine.read_config(self.name) != expected:
            raise StateError("lima.yaml was changed by someone else")
        self._engine.queue_config(self.name, text)
        return text != expected

    def forget_waiting(self) -> None:
        """Drop the edit that waits."""
        self._engine.drop_queued(self.name)

    def when_saved(self, up: bool) -> str:
        """What saving will do."""
        if up:
            return f"{self.name} is running: the changes wait for its next start ({key('restart')} restarts it)"
        return f"{self.name} uses the changes when it starts"


class TemplateText:
    """A template of the user's own; with a `draft` it is a new one that begins with that text."""

    kind = "template"

    def __init__(self, engine: EngineApi, name: str, draft: str | None = None) -> None:
        self._engine, self.name, self._draft = engine, name, draft

    def read(self) -> Held:
        """The file, or the draft."""
        if self._draft is not None:
            return Held(self._draft, "", new=True)
        text = self._engine.template_text(self.name)
        return Held(text, text)

    def check(self, text: str) -> tuple[Problem, ...]:
        """Every problem of a text, with its bases."""
        return self._engine.check_template(self.name, text)

    def effective(self, text: str) -> tuple[Effective, ...]:
        """Every value that an instance made from it would have."""
        return self._engine.effective(instance_name(self.name), text)

    def save(self, text: str, expected: str, up: bool) -> bool:
        """Into `$LIMA_HOME/_templates`."""
        now = self._now()
        if now not in (expected, text):
            raise StateError(f"the template {self.name} was changed by someone else")
        self._engine.save_template(self.name, text)
        self._draft = None
        return False

    def _now(self) -> str:
        own = {each.name for each in self._engine.describe_templates() if each.own}
        try:
            return self._engine.template_text(self.name) if self.name in own else ""
        except NotFoundError:
            return ""

    def forget_waiting(self) -> None:
        """Nothing waits for templates."""

    def when_saved(self, up: bool) -> str:
        """What saving will do."""
        return f"new instances of template:{self.name} use it; those that exist stay as they are"


def instance_name(template: str) -> str:
    """The name that an instance of a template would get, if it may be one."""
    from limacore.paths import check_instance_name

    name = template.rsplit("/", 1)[-1]
    try:
        return check_instance_name(name)
    except LimaError:
        return "draft"
