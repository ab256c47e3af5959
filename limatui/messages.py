"""What widgets and screens want of the app."""

from __future__ import annotations

from textual.message import Message


class Wanted(Message):
    """The user wants a verb done to an instance; `action` is an id of limatui.actions."""

    def __init__(self, action: str, name: str) -> None:
        super().__init__()
        self.action = action
        self.name = name


class CreateWanted(Message):
    """The user filled in the form of a new instance."""

    def __init__(self, name: str, template: str, *, start: bool, cpus: int | None, memory: str | None,
                 disk: str | None) -> None:
        super().__init__()
        self.name, self.template, self.start = name, template, start
        self.cpus, self.memory, self.disk = cpus, memory, disk
