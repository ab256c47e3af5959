"""The disks pane: main and additional disks, what they take, who holds them; create, resize, import, unlock, delete."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from limacore.base import diskformat
from limacore.base.units import format_size
from limacore.model.disk import DataDisk
from limatui.ink import Line
from limatui.present import disks as present
from limatui.settings.keymap import named
from limatui.widgets.ask import Ask, Choice, Field, Fill, Form
from limatui.widgets.listpane import ListPane

_ABOUT_ONE = ("delete", "resize", "unlock", "copy")
_EMPTY: tuple[Line, ...] = (
    (("no disks yet", "dim"),), (),
    (("a", "accent-key bold"), (" creates one; an instance uses it through ", "dim"), ("additionalDisks", "number"),
     (" in its lima.yaml", "dim")),
)


class DisksPane(ListPane[DataDisk]):
    """All disks; those of the instance first."""

    BINDINGS: ClassVar[list[BindingType]] = named("disks", [
        Binding("a", "create", "add"), Binding("i", "import", "import"), Binding("r", "resize", "resize"),
        Binding("u", "unlock", "unlock"), Binding("d", "delete", "delete"), Binding("y", "copy", "copy path"),
        Binding("I", "screen.do('cache')", "image cache"),
    ])
    tall = 14

    def items(self) -> Sequence[DataDisk]:
        """Those of the instance, then the others."""
        return sorted(self.board.fleet.disks, key=lambda disk: present.sort_key(disk, self.instance))

    def key(self, item: DataDisk) -> object:
        """Whose main disk it is, or its name."""
        return present.key_of(item)

    def titles(self, cells: int) -> Line:
        """Name, sizes, format, holder."""
        return present.titles(cells)

    def line(self, item: DataDisk, cells: int) -> Line:
        """One disk."""
        return present.line(item, self.instance, cells)

    def details(self, item: DataDisk, cells: int) -> Sequence[Line]:
        """Where it lies, and what cannot be done to it now."""
        return present.details(item, self.at_home(item.dir), cells)

    def empty(self) -> Sequence[Line]:
        """How to get one."""
        return _EMPTY

    def foot(self, cells: int) -> tuple[Line, Line]:
        """What all of them take, and what the host has left."""
        fleet = self.board.fleet
        return present.summary(fleet.disks), present.host_space(fleet.host, cells)

    def why_not(self, action: str) -> str:
        """Why the disk under the cursor does not allow it."""
        return present.why_not(action, self.list.current) if action in _ABOUT_ONE else ""

    @property
    def _taken(self) -> frozenset[str]:
        return frozenset(disk.name for disk in self.board.fleet.disks if not disk.main)

    def action_create(self) -> None:
        """Ask for the new disk."""
        taken = self._taken
        form = Form(
            [(("New disk", "bold"),)],
            (Field("name", "letters and digits, with . _ - between"), Field("size", "such as 10GiB", "10GiB"),
             Field("format", "qcow2 grows as it is used, raw is faster", "qcow2")),
            lambda values: present.wrong(values[0], values[1], values[2], taken),
            lambda values: present.command(values[0] or "NAME", values[1], values[2]))
        self.fill(Fill(form), lambda values: lambda engine: engine.create_disk(values[0], values[1], format=values[2]))

    def action_resize(self) -> None:
        """Ask for the new size."""
        disk = self.list.current
        if disk is None:
            return
        form = Form(
            [(("Resize ", "bold"), (disk.name, "bold number")), (),
             (("now        ", "faint"), (format_size(disk.size), "")),
             (("then       ", "faint"), ("the guest grows its file system at the next start", "dim"))],
            (Field("size", "such as 20GiB", format_size(disk.size)),),
            lambda values: present.wrong_size(values[0], above=disk.size),
            lambda values: f"limatui disk resize {disk.name} --size {values[0]}", "resize")
        self.fill(Fill(form), lambda values: lambda engine: engine.resize_disk(disk.name, values[0]))

    def action_import(self) -> None:
        """Ask for the file and its name here."""
        taken = self._taken
        form = Form(
            [(("Import a disk", "bold"),), (), (("a qcow2 or raw file; it is copied, holes stay holes", "dim"),)],
            (Field("file", "~/images/data.qcow2"), Field("name", "its name here")),
            lambda values: ("" if values[0] else "the file: where it is") or present.wrong_name(values[1], taken),
            lambda values: f"limatui disk import {values[1] or 'NAME'} {values[0] or 'FILE'}", "import", found_in_file)
        self.fill(Fill(form), lambda values: lambda engine: engine.import_disk(values[1], values[0]))

    def action_unlock(self) -> None:
        """Ask, then remove a lock that is left over."""
        disk = self.list.current
        if disk is not None:
            lines: list[Line] = [((f"{disk.holder} does not run, so nobody writes to it.", "dim"),), (),
                                 ((f"limatui disk unlock {disk.name}", "faint"),)]
            question = Ask(f"Unlock disk {disk.name}?", lines, (Choice("y", "unlock it", "yes"),))
            self.ask(question, lambda engine: engine.unlock_disk(disk.name))

    def action_delete(self) -> None:
        """Ask, then delete the disk under the cursor."""
        disk = self.list.current
        if disk is not None:
            lines: list[Line] = [((self.at_home(disk.dir), "dim"),), (),
                                 ((f"limatui disk delete {disk.name}", "faint"),)]
            question = Ask(f"Delete disk {disk.name}?", lines, (Choice("y", "delete it", "yes"),),
                           warning=f"what is on it is lost: {present.amount(disk.allocated)}")
            self.ask(question, lambda engine: engine.delete_disk(disk.name))

    def action_copy(self) -> None:
        """Copy where the disk lies."""
        if self.list.current is not None:
            self.board.copy(self.list.current.dir)


def found_in_file(values: tuple[str, ...]) -> tuple[bool, str]:
    """Whether a file can be imported, and what it is; reads its first bytes."""
    try:
        image = diskformat.read(Path(values[0]).expanduser())
    except OSError as error:
        return False, f"the file: {error.strerror or error}"
    if image.format not in present.FORMATS:
        return False, f"the file: it is {image.format}; qcow2 or raw can be imported"
    return True, f"{image.format}, {format_size(max(image.size, 0))}"
