"""What widgets and screens want of the app."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.message import Message

from limatui.api import EngineApi

JobBegin = Callable[[EngineApi], int]
"""A call of the engine that returns the id of a job."""


class Wanted(Message):
    """The user wants a verb done to an instance; `action` is an id of limatui.actions, `value` what was typed."""

    def __init__(self, action: str, name: str, value: str = "") -> None:
        super().__init__()
        self.action = action
        self.name = name
        self.value = value


class ManyWanted(Message):
    """The user wants a verb done to several instances, and wants to be told once how that went."""

    def __init__(self, action: str, word: str, names: tuple[str, ...]) -> None:
        super().__init__()
        self.action, self.word, self.names = action, word, names


class JobWanted(Message):
    """The user wants something that is not about one instance: a call of the engine that begins a job."""

    def __init__(self, begin: JobBegin) -> None:
        super().__init__()
        self.begin = begin


class CreateWanted(Message):
    """The user filled in the form of a new instance; `text` is a lima.yaml that takes the template's place."""

    def __init__(self, name: str, template: str, *, start: bool, cpus: int | None = None, memory: str | None = None,
                 disk: str | None = None, changes: Mapping[str, object] | None = None, text: str | None = None) -> None:
        super().__init__()
        self.name, self.template, self.start = name, template, start
        self.cpus, self.memory, self.disk = cpus, memory, disk
        self.changes, self.text = dict(changes or {}), text
