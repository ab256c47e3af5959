"""The timeline pane: seconds of each step of the boot, this one against the last ten."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.reactive import reactive

from limacore.errors import LimaError
from limacore.model.boot import Boot
from limatui.bridge import clean
from limatui.present.timeline import timeline
from limatui.settings.keymap import named
from limatui.widgets.aboard import Aboard
from limatui.widgets.bar import Block
from limatui.widgets.shown import Looking

_ASIDE, _NARROWEST = 4, 40


class TimelinePane(Looking, Aboard):
    """The boots of one instance; it scrolls."""

    instance: reactive[str] = reactive("", init=False)
    BINDINGS: ClassVar[list[BindingType]] = named("timeline", [
        Binding("j", "scroll(1)", "down"), Binding("k", "scroll(-1)", "up"),
    ])

    def __init__(self, instance: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.set_reactive(TimelinePane.instance, instance)
        self._boots: tuple[Boot, ...] = ()
        self._error = ""
        self._scroll, self._block = VerticalScroll(), Block()

    def compose(self) -> ComposeResult:
        """Lines that scroll."""
        with self._scroll:
            yield self._block

    def on_mount(self) -> None:
        """Follow the fleet."""
        self.watch(self.app, "fleet", self._draw)
        self.watch(self.app, "fleet", self.follow)

    def on_resize(self) -> None:
        """Other bars."""
        self._draw()

    def watch_instance(self) -> None:
        """Another machine."""
        self._boots, self._error = (), ""
        self._draw()
        self.follow()

    def depends(self) -> tuple[object, ...]:
        """The machine's state, and whether it has become ready."""
        subject = self.board.fleet.get(self.instance)
        return (self.instance, subject.status, subject.ready_seconds) if subject else ()

    async def look(self) -> None:
        """Read the boots that are remembered."""
        name = self.instance
        try:
            found, error = await self.engine.boots(name), ""
        except LimaError as failure:
            found, error = (), failure.message
        if name == self.instance:
            self._boots, self._error = tuple(clean(each) for each in found), error
            self._draw()

    def _draw(self) -> None:
        if not self.is_on_screen:
            return
        subject = self.board.fleet.get(self.instance)
        cells = max(_NARROWEST, self.size.width - _ASIDE)
        if self._error:
            self._block.show((((self._error, "bad"),),))
        else:
            self._block.show(timeline(subject, self._boots, self.board.now(), cells) if subject else ())

    def action_scroll(self, lines: int) -> None:
        """Up or down."""
        self._scroll.scroll_relative(y=lines, animate=False)
