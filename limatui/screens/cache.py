"""The image cache: what was downloaded, who refers to it, and what pruning gives back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from limacore.model.cache import CacheEntry
from limatui.ink import Line
from limatui.present import cache as present
from limatui.present.disks import amount
from limatui.present.keys import Key
from limatui.sanitize import sanitize_line
from limatui.settings.keymap import named
from limatui.widgets.ask import Ask, Choice
from limatui.widgets.bar import Bar, Block
from limatui.widgets.listscreen import LookScreen

_ASIDE = 6
"""Columns that stay free beside titles and details."""


class CacheScreen(LookScreen[CacheEntry, None]):
    """The chosen download below the list."""

    BINDINGS: ClassVar[list[BindingType]] = named("cache", [
        Binding("escape,q,I", "dismiss", "back"), Binding("p", "prune(True)", "prune what nothing uses"),
        Binding("P", "prune(False)", "prune everything"), Binding("y", "copy", "copy URL"),
    ])
    nothing = (
        (("nothing was downloaded yet", "dim"),), (),
        (("images come here when an instance is made; others reuse them", "faint"),),
    )

    def __init__(self) -> None:
        super().__init__()
        self._titles, self._more = Bar(classes="titles"), Block(id="more")

    def middle(self) -> Sequence[Widget]:
        """Titles above the list, the chosen one below."""
        return self._titles, self.list, self.empty, self._more

    def line(self, item: CacheEntry, cells: int) -> Line:
        """One download."""
        return present.line(item, self.board.now(), cells)

    def key(self, item: CacheEntry) -> str:
        """The name of its directory."""
        return item.key

    def keys(self) -> Sequence[Key]:
        """What pruning gives back."""
        some, spare = bool(self.list.items), present.freed(self.list.items, keep_referred=True)
        prune = f"prune {amount(spare)}" if spare else "prune"
        return (Key("j k", "choose"), Key("p", prune, bool(spare), "prune(True)"),
                Key("P", "prune everything", some, "prune(False)"), Key("y", "copy URL", some, "copy"),
                Key("esc", "back", True, "dismiss"))

    async def find(self) -> Sequence[CacheEntry]:
        """What nothing uses first, then the largest."""
        return sorted(await self.engine.cache(), key=lambda each: (bool(each.used_by), -each.size))

    def draw(self) -> None:
        """The list and its sums."""
        self._titles.show(present.titles(self.size.width - _ASIDE))
        sums = present.summary(self.list.items) if self.looked else ()
        self.head.show((("image cache", "bold"), ("  ", ""), *sums))
        super().draw()

    def draw_chosen(self) -> None:
        """Where it came from and where it lies."""
        chosen = self.list.current
        self._more.show(present.details(chosen, self._where(chosen), self.size.width - _ASIDE) if chosen else ())
        super().draw_chosen()

    def _where(self, each: CacheEntry) -> str:
        return self.at_home(each.path).replace(str(Path.home()), "~", 1)

    def action_prune(self, keep_referred: bool) -> None:
        """Say what would go and what it gives back, then ask."""
        entries = self.list.items
        if not present.goes(entries, keep_referred=keep_referred):
            self.board.tell("nothing can go: each download is used", severity="warning")
            return
        freed = present.freed(entries, keep_referred=keep_referred)
        warning = "" if keep_referred else "what is used is downloaded again for the next new instance"
        question = Ask(f"Prune the cache? {amount(freed)} are given back",
                       present.question(entries, keep_referred=keep_referred), (Choice("y", "prune", "yes"),),
                       warning=warning)
        self.ask(question, lambda engine: engine.prune(keep_referred=keep_referred))

    def action_copy(self) -> None:
        """Copy where it came from."""
        if self.list.current is not None:
            self.board.copy(sanitize_line(self.list.current.url))
