"""The disks pane: main and additional disks, what they take, who holds them; create and delete."""

from __future__ import annotations

import re
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input

from limacore.base.units import parse_size
from limacore.errors import LimaError
from limacore.model.disk import DataDisk
from limacore.model.instance import Fleet
from limatui.api import EngineApi
from limatui.ink import Line
from limatui.widgets.ask import Ask, Choice
from limatui.widgets.bar import Bar, Block
from limatui.widgets.disklist import DiskList, titles, why_not_delete

FORMATS = ("qcow2", "raw")
_NAME = re.compile(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*")
_EMPTY: tuple[Line, ...] = (
    (("no disks yet", "dim"),), (),
    (("a", "accent-key bold"), (" creates one; an instance uses it through ", "dim"), ("additionalDisks", "number"),
     (" in its lima.yaml", "dim")),
)


def wrong(name: str, size: str, format: str, taken: frozenset[str]) -> str:
    """What is wrong with a disk to be made; empty when nothing is."""
    if not _NAME.fullmatch(name):
        return "the name: letters and digits, with . _ - between them"
    if len(name) > 76:
        return "the name: at most 76 characters"
    if name in taken:
        return f"the name: there is a disk {name} already"
    try:
        if parse_size(size) < 1:
            return "the size: more than nothing, such as 10GiB"
    except LimaError as error:
        return f"the size: {error.hint or error.message}"
    return "" if format in FORMATS else "the format: qcow2 or raw"


def command(name: str, size: str, format: str) -> str:
    """The equivalent command line."""
    extra = "" if format == "qcow2" else f" --format {format}"
    return f"limatui disk create {name} --size {size}{extra}"


class CreateDisk(ModalScreen[tuple[str, str, str] | None]):
    """Asks for name, size and format; returns them, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "leave it"),
        Binding("ctrl+s", "create", "create"),
    ]

    def __init__(self, taken: frozenset[str]) -> None:
        super().__init__()
        self._taken = taken

    def compose(self) -> ComposeResult:
        """Three fields, the problem or the command, the keys."""
        with Vertical():
            yield Block([(("New disk", "bold"),), ()], ground="raised")
            yield Input(placeholder="name", id="name", compact=True)
            yield Input("10GiB", placeholder="size, such as 10GiB", id="size", compact=True)
            yield Input(FORMATS[0], placeholder="format: qcow2 or raw", id="format", compact=True)
            yield Block([(), ()], ground="raised", id="said")
            yield Block([(), (("enter", "accent-key bold"), (" create   ", "dim"), ("tab", "accent-key bold"),
                              (" next field   ", "dim"), ("esc", "accent-key bold"), (" leave it", "dim"))],
                        ground="raised")

    @property
    def values(self) -> tuple[str, str, str]:
        """Name, size, format as typed."""
        name, size, format = (self.query_one(f"#{each}", Input).value.strip() for each in ("name", "size", "format"))
        return name, size, format

    @on(Input.Changed)
    def _said(self) -> None:
        problem = wrong(*self.values, self._taken)
        told: Line = ((problem, "warn"),) if problem else ((command(*self.values), "faint"),)
        self.query_one("#said", Block).show([(), told])

    def on_mount(self) -> None:
        """Begin with the name."""
        self._said()
        self.query_one("#name", Input).focus()

    @on(Input.Submitted)
    def action_create(self) -> None:
        """Return the values when they are right."""
        if not wrong(*self.values, self._taken):
            self.dismiss(self.values)


class DisksPane(Widget):
    """All disks; those of the instance first."""

    instance: reactive[str] = reactive("", init=False)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "create", "add a disk"),
        Binding("d", "delete", "delete"),
    ]

    def __init__(self, instance: str | None = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.set_reactive(DisksPane.instance, instance or "")

    def compose(self) -> ComposeResult:
        """Titles, disks, where the disk lies."""
        yield Bar(classes="titles")
        yield DiskList()
        yield Block(_EMPTY, id="empty")
        yield Bar(classes="foot")

    @property
    def disks(self) -> DiskList:
        """The list."""
        return self.query_one(DiskList)

    @property
    def engine(self) -> EngineApi:
        """The engine of the app."""
        engine: EngineApi = self.app.bridge.engine  # type: ignore[attr-defined]
        return engine

    @property
    def _fleet(self) -> Fleet:
        fleet = getattr(self.app, "fleet", None)
        return fleet if isinstance(fleet, Fleet) else Fleet(home="")

    def on_mount(self) -> None:
        """Follow the fleet."""
        self.watch(self.app, "fleet", self._show)

    def on_resize(self, event: events.Resize) -> None:
        """Titles as wide as the list."""
        self.query_one(".titles", Bar).show(titles(event.size.width - 2))

    def watch_instance(self) -> None:
        """Its disks come first."""
        self._show()

    def _show(self) -> None:
        disks = self._fleet.disks
        self.set_class(not disks, "-none")
        self.disks.show(disks, self.instance)
        self._tell()

    def on_disk_list_moved(self, event: DiskList.Moved) -> None:
        """Say where the disk lies."""
        event.stop()
        self._tell()

    def _tell(self) -> None:
        disk = self.disks.current
        reason = why_not_delete(disk) if disk else ""
        # The demo's files lie in a scratch directory under another name than the home that it shows.
        home = getattr(self.app, "home", self._fleet.home)
        left: Line = ((disk.dir.replace(self.engine.home, home, 1), "faint"),) if disk else ()
        self.query_one(".foot", Bar).show(left, ((reason, "faint"),) if reason else ())
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Deleting is shown dimmed where it is refused."""
        if action == "delete":
            disk = self.disks.current if self.is_mounted else None
            return True if disk is not None and not why_not_delete(disk) else None
        return True

    def action_create(self) -> None:
        """Ask for the new disk."""
        taken = frozenset(disk.name for disk in self._fleet.disks if not disk.main)
        self.app.push_screen(CreateDisk(taken), self._create)

    def _create(self, values: tuple[str, str, str] | None) -> None:
        if values is not None:
            name, size, format = values
            self.engine.create_disk(name, size, format=format)

    def action_delete(self) -> None:
        """Ask, then delete the disk under the cursor."""
        disk = self.disks.current
        if disk is None:
            return
        reason = why_not_delete(disk)
        if reason:
            self.notify(reason, severity="warning", markup=False)
            return
        lines: list[Line] = [((disk.dir, "dim"),), (), ((f"limatui disk delete {disk.name}", "faint"),)]
        question = Ask(f"Delete disk {disk.name}?", lines, (Choice("y", "delete it", "delete"),),
                       warning="what is on it is lost")
        self.app.push_screen(question, lambda answer: self._delete(answer, disk))

    def _delete(self, answer: str | None, disk: DataDisk) -> None:
        if answer == "delete":
            self.engine.delete_disk(disk.name)

    def on_focus(self, event: events.Focus) -> None:
        """The list is what can be focused."""
        self.disks.focus()
