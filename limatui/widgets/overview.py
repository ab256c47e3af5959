"""The overview pane: a running machine's costs, a starting machine's boot, what is wrong with a broken one."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.reactive import var

from limacore.errors import LimaError
from limacore.model.instance import Instance, Status
from limatui.ink import Line
from limatui.present import bootview, groupview, overview
from limatui.present.rows import Head
from limatui.widgets.lines import Lines

if TYPE_CHECKING:
    from limatui.app import Dashboard

_TAIL = 40
_ROOMY = 40
"""Rows from which on there is room for the serial port below everything else."""
_BOOTING = (Status.STARTING, Status.STOPPING)


class OverviewPane(Lines):
    """`titled` puts name and status on the first line, where nothing else shows them."""

    instance: var[str] = var("", init=False)
    titled: var[bool] = var(False, init=False)
    group: var[Head | None] = var(None, init=False)
    """The group that is shown where there is no instance."""

    def __init__(self, instance: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.set_reactive(OverviewPane.instance, instance)
        self._serial: tuple[str, ...] = ()
        self._reading = False

    @property
    def dashboard(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    def on_mount(self) -> None:
        """Follow the fleet."""
        self.watch(self.app, "fleet", self.redraw)

    def on_resize(self) -> None:
        """Another arrangement may fit."""
        self.redraw()

    def on_show(self) -> None:
        """Catch up with what happened while hidden."""
        self.redraw()

    def watch_instance(self) -> None:
        """Another machine."""
        self._serial = ()
        self.redraw()

    def watch_group(self) -> None:
        """Another group, or as it is now."""
        self.redraw()

    def watch_titled(self) -> None:
        """With or without a title."""
        self.redraw()

    def redraw(self) -> None:
        """Compute the lines again; cheap, and only what differs is painted."""
        if not self.is_mounted or not self.display or not self.size.height:
            return
        subject = self.dashboard.fleet.get(self.instance)
        group = groupview.group(self.group, *self.size) if self.group is not None else ()
        self.show(self._lines_of(subject) if subject is not None else group)
        if subject is not None and self._wants_serial(subject) and not self._reading:
            self._reading = True
            self.run_worker(self._read(subject.name), group=f"instance:{subject.name}", exit_on_error=False)

    def _wants_serial(self, subject: Instance) -> bool:
        return subject.status in _BOOTING or self.size.height > _ROOMY

    async def _read(self, name: str) -> None:
        try:
            lines = await self.dashboard.bridge.serial_tail(name, _TAIL)
        except LimaError:
            lines = ()
        finally:
            self._reading = False
        if name == self.instance and lines != self._serial:
            self._serial = lines
            self.redraw()

    def _lines_of(self, subject: Instance) -> tuple[Line, ...]:
        now, (cells, rows) = self.dashboard.now(), self.size
        if subject.status in _BOOTING and subject.steps:
            return bootview.boot(subject, now, self._serial, cells, rows)
        past = self.dashboard.bridge.history.past(subject.name)
        head: tuple[Line, ...] = (overview.title(subject, now),) if self.titled else ()
        if rows > _ROOMY:
            return (*head, *self._with_serial(overview.wide(subject, past, now, cells), cells, rows - len(head)))
        gap: tuple[Line, ...] = ((),) if head and rows > 15 else ()
        return (*head, *gap, *overview.overview(subject, past, now, cells, rows - len(head) - len(gap)))

    def _with_serial(self, upper: tuple[Line, ...], cells: int, rows: int) -> tuple[Line, ...]:
        room = rows - len(upper) - 3
        if room < 3 or not self._serial:
            return upper
        tail = (((text, "dim"),) for text in self._serial[-room:])
        return (*upper, (), (), bootview.rule("serial", cells - 1), *tail)
