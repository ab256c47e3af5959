"""The ports pane: what the guest listens on and where that is here; add, stop, knock, open, copy."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.widget import Widget

from limacore.errors import LimaError
from limacore.model.instance import Forward, Instance
from limacore.model.probe import Probe
from limatui import browser, dialogs
from limatui.messages import JobWanted
from limatui.present import ports as present
from limatui.widgets.background import begin
from limatui.widgets.bar import Bar, Block
from limatui.widgets.picklist import PickList

if TYPE_CHECKING:
    from limatui.app import Dashboard

_TALL = 12
"""Rows from which on the port under the cursor is described below the list."""
_VERBS = {"add": "add", "remove": "remove", "probe": "probe", "browse": "open", "copy": "copy"}


class PortsPane(Widget):
    """The ports of one instance."""

    instance: reactive[str] = reactive("", init=False)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "add"), Binding("x", "remove", "stop"), Binding("D", "remove", "stop", show=False),
        Binding("p", "probe", "probe"), Binding("o", "browse", "open"), Binding("y", "copy", "copy address"),
    ]

    def __init__(self, instance: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.set_reactive(PortsPane.instance, instance)
        self._probes: dict[tuple[str, str], Probe] = {}
        self.list: PickList[Forward] = PickList(lambda each, width: present.line(each, self._probes, width),
                                                present.key_of)
        self._titles, self._empty, self._foot = Bar(classes="titles"), Block(id="empty"), Bar(classes="foot")
        self._more = Block(id="more")

    def compose(self) -> ComposeResult:
        """Titles, ports, the one under the cursor, the sums."""
        yield self._titles
        yield self.list
        yield self._empty
        yield self._more
        yield self._foot

    @property
    def board(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    @property
    def subject(self) -> Instance | None:
        """The instance whose ports these are."""
        return self.board.fleet.get(self.instance)

    def on_mount(self) -> None:
        """Follow the fleet."""
        self.watch(self.app, "fleet", self._draw)

    def on_resize(self, event: events.Resize) -> None:
        """Titles as wide as the list, details where there is room."""
        self.set_class(event.size.height < _TALL, "-low")
        self._titles.show(present.titles(event.size.width - 2))
        self._draw()

    def watch_instance(self) -> None:
        """Another machine."""
        self._probes.clear()
        self._draw()

    def _draw(self) -> None:
        subject = self.subject
        forwards = subject.forwards if subject else ()
        self.set_class(not forwards, "-none")
        self.list.show(forwards)
        self._empty.show(present.empty(subject) if self.instance and not forwards else ())
        self._foot.show(present.summary(forwards) if forwards else ())
        self._tell()

    def on_pick_list_moved(self, event: PickList.Moved) -> None:
        """Describe another one."""
        event.stop()
        self._tell()

    def _tell(self) -> None:
        chosen = self.list.current
        lines = present.details(chosen, self.instance, self._probes, self.size.width - 6) if chosen else ()
        self._more.show(((), *lines) if lines else ())
        self.refresh_bindings()

    def _why_not(self, action: str) -> str:
        return present.why_not(_VERBS[action], self.subject, self.list.current)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is refused is shown dimmed."""
        if action in _VERBS:
            return None if not self.is_mounted or self._why_not(action) else True
        return True

    def action_add(self) -> None:
        """Ask for both sides; a port that is not forwarded is offered."""
        chosen, name = self.list.current, self.instance
        guest = chosen.guest if chosen and chosen.state != "forwarding" else ""
        self.app.push_screen(dialogs.forward(name, guest), partial(self._add, name))

    def _add(self, name: str, values: tuple[str, ...] | None) -> None:
        if values is not None:
            guest, host, protocol = values
            self.post_message(JobWanted(lambda engine: engine.add_forward(name, guest, host, protocol=protocol)))

    def action_remove(self) -> None:
        """Stop the one under the cursor; it can be added again."""
        chosen, name = self.list.current, self.instance
        if chosen is not None:
            self.post_message(JobWanted(lambda engine: engine.remove_forward(name, chosen.host)))

    def action_probe(self) -> None:
        """Knock at all."""
        begin(self, "probe", partial(self._probe, self.instance))

    async def _probe(self, name: str) -> None:
        try:
            found = await self.board.bridge.engine.probe_forwards(name)
        except LimaError as error:
            self.board.fail(error)
            return
        if name == self.instance:
            self._probes = {(each.protocol, each.host): each for each in found}
            self.list.refresh()
            self._tell()

    def action_browse(self) -> None:
        """Show it in a browser, or say where it is."""
        if self.list.current is not None:
            begin(self, "browse", partial(self._browse, present.url(self.list.current)))

    async def _browse(self, url: str) -> None:
        why_not = await browser.show(url)
        self.board.tell(f"{url}\n{why_not}" if why_not else url, title="no browser" if why_not else "in your browser",
                        severity="warning" if why_not else "information")

    def action_copy(self) -> None:
        """Copy the address here."""
        if self.list.current is not None:
            self.board.copy(self.list.current.host)

    def on_focus(self, event: events.Focus) -> None:
        """The list is what can be focused."""
        self.list.focus()
