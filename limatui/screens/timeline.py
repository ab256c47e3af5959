"""The timeline pane: seconds of each step of the boot, this one against the last ten."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.reactive import reactive

from limacore.errors import LimaError
from limacore.model.boot import Boot
from limatui.bridge import clean
from limatui.present.timeline import timeline
from limatui.widgets.background import begin
from limatui.widgets.bar import Block
from limatui.widgets.shown import Shown

if TYPE_CHECKING:
    from limatui.app import Dashboard


class TimelinePane(Shown):
    """The boots of one instance; it scrolls."""

    instance: reactive[str] = reactive("", init=False)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll(1)", "down"), Binding("k", "scroll(-1)", "up"),
    ]

    def __init__(self, instance: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.set_reactive(TimelinePane.instance, instance)
        self._boots: tuple[Boot, ...] = ()
        self._scroll, self._block = VerticalScroll(), Block()
        self._seen: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """Lines that scroll."""
        with self._scroll:
            yield self._block

    @property
    def board(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    def on_mount(self) -> None:
        """Follow the fleet."""
        self.watch(self.app, "fleet", self._follow)

    def on_show(self) -> None:
        """Look now."""
        self._seen = ()
        self._follow()

    def on_resize(self) -> None:
        """Other bars."""
        self._draw()

    def watch_instance(self) -> None:
        """Another machine."""
        self._boots = ()
        self._follow()

    def _follow(self) -> None:
        """Ask for the boots again when the machine's state has changed."""
        if not self.is_on_screen:
            return
        subject = self.board.fleet.get(self.instance)
        now = (self.instance, subject and (subject.status, subject.ready_seconds))
        if now != self._seen and subject is not None:
            self._seen = now
            begin(self, "boots", partial(self._look, self.instance))
        self._draw()

    async def _look(self, name: str) -> None:
        try:
            found = await self.board.bridge.engine.boots(name)
        except LimaError:
            found = ()
        if name == self.instance:
            self._boots = tuple(clean(each) for each in found)
            self._draw()

    def _draw(self) -> None:
        subject = self.board.fleet.get(self.instance)
        cells = max(40, self.size.width - 4)
        self._block.show(timeline(subject, self._boots, self.board.now(), cells) if subject else ())

    def action_scroll(self, lines: int) -> None:
        """Up or down."""
        self._scroll.scroll_relative(y=lines, animate=False)
