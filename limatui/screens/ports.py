"""The ports pane: what the guest listens on and where that is here; add, stop, knock, open, copy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType

from limacore.errors import LimaError
from limacore.model.instance import Forward
from limacore.model.probe import Probe
from limatui.host import browser
from limatui.ink import Line
from limatui.present import ports as present
from limatui.settings.keymap import named
from limatui.verbs import dialogs
from limatui.widgets.background import begin
from limatui.widgets.listpane import ListPane

_VERBS = {"add": "add", "remove": "remove", "probe": "probe", "browse": "open", "copy": "copy"}
"""What an action is called in `present.why_not`."""


class PortsPane(ListPane[Forward]):
    """The ports of one instance."""

    BINDINGS: ClassVar[list[BindingType]] = named("ports", [
        Binding("a", "add", "add"), Binding("x", "remove", "stop"), Binding("D", "remove", "stop", show=False),
        Binding("p", "probe", "probe"), Binding("o", "browse", "open"), Binding("y", "copy", "copy address"),
    ])

    def __init__(self, instance: str = "", *, id: str | None = None) -> None:
        super().__init__(instance, id=id)
        self._probes: dict[tuple[str, str], Probe] = {}

    def watch_instance(self) -> None:
        """Another machine: nobody knocked at its ports."""
        self._probes.clear()
        super().watch_instance()

    def items(self) -> Sequence[Forward]:
        """What the host agent tells."""
        return self.subject.forwards if self.subject else ()

    def key(self, item: Forward) -> tuple[str, str, str]:
        """Protocol, guest's side and rule."""
        return present.key_of(item)

    def titles(self, cells: int) -> Line:
        """Guest, host, protocol, rule, state, probe."""
        return present.titles(cells)

    def line(self, item: Forward, cells: int) -> Line:
        """One port."""
        return present.line(item, self._probes, cells)

    def details(self, item: Forward, cells: int) -> Sequence[Line]:
        """Why it is as it is."""
        return present.details(item, self.instance, self._probes, cells)

    def empty(self) -> Sequence[Line]:
        """When ports will be listed."""
        return present.empty(self.subject) if self.subject else ()

    def foot(self, cells: int) -> tuple[Line, Line]:
        """How many became what."""
        return present.summary(self.items()), ()

    def why_not(self, action: str) -> str:
        """Why the port under the cursor, or the machine, does not allow it."""
        return present.why_not(_VERBS[action], self.subject, self.list.current) if action in _VERBS else ""

    def action_add(self) -> None:
        """Ask for both sides; a port that is not forwarded is offered."""
        chosen, name = self.list.current, self.instance
        guest = chosen.guest if chosen and chosen.state != "forwarding" else ""
        self.fill(dialogs.forward(name, guest), lambda values: lambda engine: engine.add_forward(
            name, values[0], values[1], protocol=values[2]))

    def action_remove(self) -> None:
        """Stop the one under the cursor; it can be added again."""
        chosen, name = self.list.current, self.instance
        if chosen is not None:
            self.want(lambda engine: engine.remove_forward(name, chosen.host))

    def action_probe(self) -> None:
        """Knock at all."""
        begin(self, "probe", partial(self._probe, self.instance))

    async def _probe(self, name: str) -> None:
        try:
            found = await self.engine.probe_forwards(name)
        except LimaError as error:
            self.board.fail(error)
            return
        if name == self.instance:
            self._probes = {(each.protocol, each.host): each for each in found}
            self.draw()

    def action_browse(self) -> None:
        """Show it in a browser, or say where it is."""
        if self.list.current is not None:
            begin(self, "browse", partial(self._browse, present.url(self.list.current)))

    async def _browse(self, url: str) -> None:
        why_not = await browser.show(url)
        if why_not:
            self.board.tell(f"{url}\n{why_not}", title="no browser", severity="warning")
        else:
            self.board.tell(url, title="in your browser")

    def action_copy(self) -> None:
        """Copy the address here."""
        if self.list.current is not None:
            self.board.copy(self.list.current.host)
