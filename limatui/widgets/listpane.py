"""What there is of a kind at an instance, as a list: what the panes of disks, ports, mounts and snapshots share."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.reactive import reactive

from limacore.model.instance import Instance
from limatui.ink import Line
from limatui.widgets.aboard import Aboard
from limatui.widgets.bar import Bar, Block
from limatui.widgets.picklist import PickList

T = TypeVar("T")
_ASIDE = 6
"""Columns that stay free beside details and sums."""
_TITLES_ASIDE = 2


class ListPane(Aboard, Generic[T]):
    """Titles, items or why there are none, the one under the cursor, the sums.

    A pane says what there is and how it reads; `draw` asks for that whenever fleet, instance or size is another.
    """

    instance: reactive[str] = reactive("", init=False)
    tall: ClassVar[int] = 12
    """Rows from which on the item under the cursor is described below the list."""

    def __init__(self, instance: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.set_reactive(ListPane.instance, instance)
        # Kept here, not looked up: the app may end while the pane is being mounted.
        self.list: PickList[T] = PickList(self.line, self.key)
        self._titles, self._empty, self._foot = Bar(classes="titles"), Block(id="empty"), Bar(classes="foot")
        self._more = Block(id="more")

    def compose(self) -> ComposeResult:
        """Titles, items, the one under the cursor, the sums."""
        yield self._titles
        yield self.list
        yield self._empty
        yield self._more
        yield self._foot

    # --- what a pane says

    def items(self) -> Sequence[T]:
        """What there is now."""
        raise NotImplementedError

    def key(self, item: T) -> Hashable:
        """What tells an item from the others."""
        raise NotImplementedError

    def titles(self, cells: int) -> Line:
        """The names of the columns."""
        raise NotImplementedError

    def line(self, item: T, cells: int) -> Line:
        """An item."""
        raise NotImplementedError

    def details(self, item: T, cells: int) -> Sequence[Line]:
        """What there is no room for in its line."""
        raise NotImplementedError

    def empty(self) -> Sequence[Line]:
        """What is said in place of items."""
        raise NotImplementedError

    def foot(self, cells: int) -> tuple[Line, Line]:
        """The sums, on the left and on the right."""
        raise NotImplementedError

    def why_not(self, action: str) -> str:
        """Why an action is not possible now; empty when it is."""
        raise NotImplementedError

    # --- drawing

    @property
    def subject(self) -> Instance | None:
        """The instance that the pane is about."""
        return self.board.fleet.get(self.instance)

    def on_mount(self) -> None:
        """Follow the fleet."""
        self.watch(self.app, "fleet", self.draw)

    def on_resize(self, event: events.Resize) -> None:
        """Titles as wide as the list, details where there is room."""
        self.set_class(event.size.height < self.tall, "-low")
        self._titles.show(self.titles(event.size.width - _TITLES_ASIDE))
        self.draw()

    def watch_instance(self) -> None:
        """Another machine."""
        self.draw()

    def draw(self) -> None:
        """Everything; what has not changed is not painted."""
        items = self.items()
        self.set_class(not items, "-none")
        self.list.show(items)
        self._empty.show(self.empty())
        self._foot.show(*self.foot(self.size.width - _ASIDE))
        self._describe()

    def _describe(self) -> None:
        chosen = self.list.current
        lines = self.details(chosen, self.size.width - _ASIDE) if chosen is not None else ()
        self._more.show(((), *lines) if lines else ())
        self.refresh_bindings()

    def on_pick_list_moved(self, event: PickList.Moved) -> None:
        """Describe another one."""
        event.stop()
        self._describe()

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is refused is shown dimmed."""
        return None if not self.is_mounted or self.why_not(action) else True

    def on_key(self, event: events.Key) -> None:
        """A key that is refused says why; the screen around would take it for one of its own."""
        pressed = self.screen.active_bindings.get(event.key)
        if pressed is not None and pressed.node is self and not pressed.enabled:
            event.stop()
            self.board.tell(self.why_not(pressed.binding.action), severity="warning")
