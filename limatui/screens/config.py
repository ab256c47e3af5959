"""The config pane: lima.yaml of the instance under the cursor, in the editor."""

from __future__ import annotations

from functools import partial

from textual.reactive import reactive

from limacore.model.instance import Fleet
from limatui.texts.buffers import Buffer
from limatui.texts.source import InstanceText
from limatui.widgets.background import begin
from limatui.widgets.editor.pane import TextPane
from limatui.widgets.shown import Shown


class ConfigPane(TextPane, Shown):
    """The editor for one instance at a time."""

    instance: reactive[str] = reactive("", init=False)

    def __init__(self, instance: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.set_reactive(ConfigPane.instance, instance)

    def on_show(self) -> None:
        """Read the file, again when it has no changes here."""
        self._open(self.instance)

    def watch_instance(self) -> None:
        """Another machine; what was typed for the one before is kept."""
        if self.is_on_screen:
            self._open(self.instance)

    def _open(self, name: str) -> None:
        begin(self, "config", partial(self._load, name))

    async def _load(self, name: str) -> None:
        if name:
            await self.open(InstanceText(self.engine, name))
        else:
            self.say_instead("", "choose an instance: its lima.yaml is edited here")

    def is_up(self, buffer: Buffer) -> bool:
        """Whether the instance is running: its edits wait then."""
        fleet = getattr(self.app, "fleet", None)
        found = fleet.get(buffer.source.name) if isinstance(fleet, Fleet) else None
        return found is not None and found.status.is_up
