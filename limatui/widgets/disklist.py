"""The disks as lines, and the widget that moves a cursor over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from limacore.model.disk import DataDisk
from limatui.ink import Ink, Line, cut, fit
from limatui.present.meters import meter
from limatui.present.words import size

_NAME, _METER = 20, 12
_ROOMY = 96
"""Columns from which on there is room for a meter."""


def titles(width: int) -> Line:
    """The names of the columns."""
    gap = " " * (_METER + 2) if width >= _ROOMY else ""
    return ((f"  {'NAME':<{_NAME}}  {'SIZE':>9}  {'ALLOCATED':>9}  {gap}{'FORMAT':<7} USED BY", "faint"),)


def sort_key(disk: DataDisk, instance: str) -> tuple[bool, bool, str]:
    """The disks of the instance first, additional before main ones, then by name."""
    return disk.holder != instance or not instance, disk.main, disk.name


def key_of(disk: DataDisk) -> tuple[bool, str]:
    """What tells a disk from others: a main disk may have the name of an additional one."""
    return disk.main, disk.name


def _size(count: int) -> str:
    number, unit = size(count)
    return f"{number} {unit}" if count else "-"


def line(disk: DataDisk, instance: str, width: int) -> Line:
    """One disk."""
    mine = bool(instance) and disk.holder == instance
    head: Line = (("  ", ""), (fit(disk.name or disk.holder, _NAME), "bold" if mine else ""))
    if disk.error:
        return cut((*head, ("  ✗ ", "bad"), (disk.error, "bad")), width)
    sizes = f"  {_size(disk.size):>9}  {_size(disk.allocated):>9}  "
    share = disk.allocated / disk.size if disk.size else 0.0
    bar = (*meter(share, _METER, "warn" if share > 0.9 else "number"), ("  ", "")) if width >= _ROOMY else ()
    middle: Line = ((sizes, "number" if mine else "dim"), *bar, (f"{disk.format:<7} ", "dim"))
    return cut((*head, *middle, *_holder(disk)), width)


def _holder(disk: DataDisk) -> Line:
    kind = "  main disk" if disk.main else ""
    if not disk.holder:
        return (("○ free", "faint"),)
    if disk.holder_alive:
        return (("● ", "running"), (disk.holder, ""), (kind, "faint"))
    state = kind if disk.main else "  lock left over"
    return (("○ ", "dim" if disk.main else "warn"), (disk.holder, "dim"), (state, "faint" if disk.main else "warn"))


def why_not_delete(disk: DataDisk) -> str:
    """The reason why a disk cannot be deleted now; empty when it can."""
    if disk.main:
        return f"{disk.name or disk.holder} is the main disk of {disk.holder}: it goes with its instance"
    if disk.holder:
        what = "which runs" if disk.holder_alive else "which does not run; its lock is left over"
        return f"{disk.name} is used by {disk.holder}, {what}"
    return ""


class DiskList(Widget, can_focus=True):
    """Lines with a cursor that stays on its disk."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "down", show=False),
        Binding("k,up", "move(-1)", "up", show=False),
        Binding("g,home", "move(-100000)", "first", show=False),
        Binding("G,end", "move(100000)", "last", show=False),
    ]

    class Moved(Message):
        """The cursor is on another disk."""

    def __init__(self) -> None:
        super().__init__()
        self._disks: tuple[DataDisk, ...] = ()
        self._instance = ""
        self._cursor: tuple[bool, str] | None = None
        self._at = self._top = 0
        self._ink: Ink | None = None

    def on_mount(self) -> None:
        """Follow the theme."""
        self.watch(self.app, "theme", self._recolour)

    def _recolour(self) -> None:
        self._ink = None
        self.refresh()

    def show(self, disks: Sequence[DataDisk], instance: str) -> None:
        """Other disks, or another instance whose disks come first."""
        new = tuple(sorted(disks, key=lambda disk: sort_key(disk, instance)))
        if (new, instance) == (self._disks, self._instance):
            return
        self._disks, self._instance = new, instance
        keys = [key_of(disk) for disk in new]
        self._put(keys.index(self._cursor) if self._cursor in keys else min(self._at, max(0, len(new) - 1)))

    @property
    def current(self) -> DataDisk | None:
        """The disk under the cursor."""
        return self._disks[self._at] if self._at < len(self._disks) else None

    def _put(self, at: int) -> None:
        self._at = max(0, min(at, len(self._disks) - 1))
        self._cursor = key_of(self.current) if self.current else None
        height = max(1, self.content_size.height)
        self._top = max(0, min(self._top, self._at), self._at - height + 1)
        self.refresh()
        self.post_message(self.Moved())

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self._put(self._at + rows)

    def on_click(self, event: events.Click) -> None:
        """The disk under the pointer."""
        self._put(self._top + event.y)

    def on_resize(self) -> None:
        """Keep the cursor visible."""
        self._put(self._at)

    def render_line(self, y: int) -> Strip:
        """One disk."""
        self._ink = self._ink or Ink(self.app.get_css_variables())
        width, row = self.content_size.width, self._top + y
        if row >= len(self._disks):
            return self._ink.strip((), width)
        spans = line(self._disks[row], self._instance, width)
        if row != self._at:
            return self._ink.strip(spans, width)
        marked: Line = (("▎ ", "accent-key" if self.has_focus else "hairline"), *spans[1:])
        return self._ink.strip(marked, width, "raised")

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Dim the cursor."""
        self.refresh()
