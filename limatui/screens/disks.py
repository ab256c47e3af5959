"""The disks pane: main and additional disks, what they take, who holds them; create, resize, import, unlock, delete."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.widget import Widget

from limacore.base import diskformat
from limacore.base.units import format_size
from limacore.model.disk import DataDisk
from limacore.model.instance import Fleet
from limatui.api import EngineApi
from limatui.ink import Line
from limatui.messages import JobBegin, JobWanted
from limatui.present import disks as present
from limatui.present.disks import why_not
from limatui.widgets.ask import Ask, Choice, Field, Fill, Form, when_yes
from limatui.widgets.bar import Bar, Block
from limatui.widgets.picklist import PickList

_EMPTY: tuple[Line, ...] = (
    (("no disks yet", "dim"),), (),
    (("a", "accent-key bold"), (" creates one; an instance uses it through ", "dim"), ("additionalDisks", "number"),
     (" in its lima.yaml", "dim")),
)
_TALL = 14
"""Rows from which on the disk under the cursor is described below the list."""
_CHECKED = ("delete", "resize", "unlock")


class DisksPane(Widget):
    """All disks; those of the instance first."""

    instance: reactive[str] = reactive("", init=False)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "create", "add"), Binding("i", "import", "import"), Binding("r", "resize", "resize"),
        Binding("u", "unlock", "unlock"), Binding("d", "delete", "delete"), Binding("y", "copy", "copy path"),
        Binding("I", "screen.do('cache')", "image cache"),
    ]

    def __init__(self, instance: str | None = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.set_reactive(DisksPane.instance, instance or "")
        # Kept here, not looked up: the app may end while the pane is being mounted.
        self.disks: PickList[DataDisk] = PickList(lambda disk, width: present.line(disk, self.instance, width),
                                                  present.key_of)
        self._titles, self._more, self._foot = Bar(classes="titles"), Block(id="more"), Bar(classes="foot")

    def compose(self) -> ComposeResult:
        """Titles, disks, the one under the cursor, the sums."""
        yield self._titles
        yield self.disks
        yield Block(_EMPTY, id="empty")
        yield self._more
        yield self._foot

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
        """Titles as wide as the list, details where there is room."""
        self.set_class(event.size.height < _TALL, "-low")
        self._titles.show(present.titles(event.size.width - 2))
        self._tell()

    def watch_instance(self) -> None:
        """Its disks come first."""
        self._show()

    def _show(self) -> None:
        disks = self._fleet.disks
        self.set_class(not disks, "-none")
        self.disks.show(sorted(disks, key=lambda disk: present.sort_key(disk, self.instance)))
        self.disks.refresh()  # which of them are bold depends on the instance
        self._tell()

    def on_pick_list_moved(self, event: PickList.Moved) -> None:
        """Describe another disk."""
        event.stop()
        self._tell()

    def _tell(self) -> None:
        fleet, disk, cells = self._fleet, self.disks.current, self.size.width - 2
        self._more.show(((), *present.details(disk, self._where(disk), cells)) if disk else ())
        self._foot.show(present.summary(fleet.disks), present.host_space(fleet.host, cells))
        self.refresh_bindings()

    def _where(self, disk: DataDisk) -> str:
        # The demo's files lie in a scratch directory under another name than the home that it shows.
        return disk.dir.replace(self.engine.home, getattr(self.app, "home", self._fleet.home), 1)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is refused is shown dimmed."""
        if action in _CHECKED:
            return None if why_not(action, self.disks.current) else True
        return True

    def _allowed(self, verb: str) -> DataDisk | None:
        """The disk under the cursor; None, and the reason told, when this cannot be done to it."""
        reason = why_not(verb, self.disks.current)
        if reason:
            self.notify(reason, severity="warning", markup=False)
        return None if reason else self.disks.current

    @property
    def _taken(self) -> frozenset[str]:
        return frozenset(disk.name for disk in self._fleet.disks if not disk.main)

    def _fill(self, form: Form, begin: Callable[[tuple[str, ...]], JobBegin]) -> None:
        def filled(values: tuple[str, ...] | None) -> None:
            if values is not None:
                self.post_message(JobWanted(begin(values)))
        self.app.push_screen(Fill(form), filled)

    def action_create(self) -> None:
        """Ask for the new disk."""
        taken = self._taken
        form = Form(
            [(("New disk", "bold"),)],
            (Field("name", "letters and digits, with . _ - between"), Field("size", "such as 10GiB", "10GiB"),
             Field("format", "qcow2 grows as it is used, raw is faster", "qcow2")),
            lambda values: present.wrong(values[0], values[1], values[2], taken),
            lambda values: present.command(values[0] or "NAME", values[1], values[2]))
        self._fill(form, lambda values: lambda engine: engine.create_disk(values[0], values[1], format=values[2]))

    def action_resize(self) -> None:
        """Ask for the new size."""
        disk = self._allowed("resize")
        if disk is None:
            return
        form = Form(
            [(("Resize ", "bold"), (disk.name, "bold number")), (),
             (("now        ", "faint"), (format_size(disk.size), "")),
             (("then       ", "faint"), ("the guest grows its file system at the next start", "dim"))],
            (Field("size", "such as 20GiB", format_size(disk.size)),),
            lambda values: present.wrong_size(values[0], above=disk.size),
            lambda values: f"limatui disk resize {disk.name} --size {values[0]}", "resize")
        self._fill(form, lambda values: lambda engine: engine.resize_disk(disk.name, values[0]))

    def action_import(self) -> None:
        """Ask for the file and its name here."""
        taken = self._taken
        form = Form(
            [(("Import a disk", "bold"),), (), (("a qcow2 or raw file; it is copied, holes stay holes", "dim"),)],
            (Field("file", "~/images/data.qcow2"), Field("name", "its name here")),
            lambda values: ("" if values[0] else "the file: where it is") or present.wrong_name(values[1], taken),
            lambda values: f"limatui disk import {values[1] or 'NAME'} {values[0] or 'FILE'}", "import", found_in_file)
        self._fill(form, lambda values: lambda engine: engine.import_disk(values[1], values[0]))

    def action_unlock(self) -> None:
        """Ask, then remove a lock that is left over."""
        disk = self._allowed("unlock")
        if disk is not None:
            lines: list[Line] = [((f"{disk.holder} does not run, so nobody writes to it.", "dim"),), (),
                                 ((f"limatui disk unlock {disk.name}", "faint"),)]
            question = Ask(f"Unlock disk {disk.name}?", lines, (Choice("y", "unlock it", "yes"),))
            self._ask(question, lambda engine: engine.unlock_disk(disk.name))

    def action_delete(self) -> None:
        """Ask, then delete the disk under the cursor."""
        disk = self._allowed("delete")
        if disk is not None:
            lines: list[Line] = [((self._where(disk), "dim"),), (), ((f"limatui disk delete {disk.name}", "faint"),)]
            question = Ask(f"Delete disk {disk.name}?", lines, (Choice("y", "delete it", "yes"),),
                           warning=f"what is on it is lost: {present.amount(disk.allocated)}")
            self._ask(question, lambda engine: engine.delete_disk(disk.name))

    def _ask(self, question: Ask, begin: JobBegin) -> None:
        self.app.push_screen(question, when_yes(lambda: self.post_message(JobWanted(begin))))

    def action_copy(self) -> None:
        """Copy where the disk lies."""
        if self.disks.current is not None:
            self.app.copy(self.disks.current.dir)  # type: ignore[attr-defined]

    def on_focus(self, event: events.Focus) -> None:
        """The list is what can be focused."""
        self.disks.focus()


def found_in_file(values: tuple[str, ...]) -> tuple[bool, str]:
    """Whether a file can be imported, and what it is; reads its first bytes."""
    try:
        image = diskformat.read(Path(values[0]).expanduser())
    except OSError as error:
        return False, f"the file: {error.strerror or error}"
    if image.format not in present.FORMATS:
        return False, f"the file: it is {image.format}; qcow2 or raw can be imported"
    return True, f"{image.format}, {format_size(max(image.size, 0))}"
