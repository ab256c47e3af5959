"""The instance table: fixed columns, the title stays, rows are diffed, cursor and scroll never jump."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msgspec.structs import replace
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from limacore.model.instance import Instance
from limatui.ink import Line, plain
from limatui.present import rows
from limatui.widgets.inked import Inked


class InstanceTable(ScrollView, Inked, can_focus=True):
    """Rows by name; `cursor` is the name under the cursor, which follows its row wherever it goes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "down", show=False),
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("home,g", "move(-100000)", "first", show=False),
        Binding("end,G", "move(100000)", "last", show=False),
        Binding("pagedown,ctrl+d", "page(1)", "page down", show=False),
        Binding("pageup,ctrl+u", "page(-1)", "page up", show=False),
    ]
    cursor: var[str] = var("", init=False)

    class Moved(Message):
        """The cursor is on another instance."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def can_replace(self, message: Message) -> bool:
            """Only the newest place matters."""
            return isinstance(message, InstanceTable.Moved)

    class Opened(Message):
        """A row was clicked twice."""

    class Marked(Message):
        """Other instances are marked."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: tuple[rows.Row, ...] = ()
        self._place: dict[str, int] = {}
        self._columns: tuple[rows.Column, ...] = ()
        self._last_index = 0
        self._marks: frozenset[str] = frozenset()
        self._all: tuple[Instance, ...] = ()
        self._sort = ""
        self.empty: tuple[Line, ...] = ()
        self.wanted: tuple[str, ...] = ()

    # --- data

    def show(self, data: Sequence[rows.Row], everything: Sequence[Instance] = (), sort: str = "") -> None:
        """Other rows: those that differ are painted, the cursor stays on its instance; marks outlive being hidden."""
        self._all = tuple(everything)
        self._marks &= {each.name for each in everything}
        old, self._rows = self._rows, tuple(self._marked(row) for row in data)
        if sort != self._sort:
            self._sort = sort
            self.refresh()
        names = [each.instance.name for each in self._rows]
        moved = len(old) != len(self._rows) or names != list(self._place)
        self._place = {name: index for index, name in enumerate(names)}
        if moved:
            self._rearranged(names)
        else:
            self._repaint([index for index, each in enumerate(self._rows) if each != old[index]])

    def _rearranged(self, names: Sequence[str]) -> None:
        self.virtual_size = Size(self.size.width, len(self._rows) + 1)
        self._columns = rows.columns(self.size.width, names, self.wanted)
        if self.cursor not in self._place and names:
            self.cursor = names[min(self._last_index, len(names) - 1)]
        elif not names:
            self.cursor = ""
        self._last_index = self._place.get(self.cursor, 0)
        self._reveal()
        self.refresh()

    def _repaint(self, indexes: Sequence[int]) -> None:
        top = round(self.scroll_y)
        lines = [index - top + 1 for index in indexes]
        seen = [Region(0, y, self.size.width, 1) for y in lines if 1 <= y < self.size.height]
        if seen:
            self.refresh(*seen)

    def _marked(self, row: rows.Row) -> rows.Row:
        return replace(row, marked=True) if row.instance.name in self._marks else row

    @property
    def count(self) -> int:
        """How many instances are shown."""
        return len(self._rows)

    @property
    def marked(self) -> tuple[Instance, ...]:
        """The marked instances, hidden ones too, in the order of the fleet."""
        return tuple(each for each in self._all if each.name in self._marks)

    def mark(self) -> None:
        """Mark what is under the cursor, or not any more, and go on to the next."""
        if self.cursor:
            self._mark_only(self._marks ^ {self.cursor})
            self.action_move(1)

    def mark_all(self) -> None:
        """Mark all that are shown; none when they all are."""
        shown = frozenset(self._place)
        self._mark_only(frozenset() if shown <= self._marks else self._marks | shown)

    def unmark(self) -> None:
        """Mark nothing."""
        self._mark_only(frozenset())

    def _mark_only(self, names: frozenset[str]) -> None:
        self._marks = names
        self._rows = tuple(replace(row, marked=row.instance.name in names) for row in self._rows)
        self.refresh()
        self.post_message(self.Marked())

    @property
    def index(self) -> int:
        """The row of the cursor."""
        return self._place.get(self.cursor, 0)

    @property
    def text(self) -> str:
        """The rows that are on the screen, without colours."""
        return "\n".join(plain(self._line(y)[0]).rstrip() for y in range(self.size.height))

    def choose(self, wanted: tuple[str, ...]) -> None:
        """Other columns; none: those that fit."""
        self.wanted = wanted
        self._rearranged(list(self._place))

    # --- moving

    def watch_cursor(self, old: str, new: str) -> None:
        """Show where it is and tell."""
        self._last_index = self._place.get(new, self._last_index)
        self._repaint([self._place[name] for name in (old, new) if name in self._place])
        self._reveal()
        self.post_message(self.Moved(new))

    def _reveal(self) -> None:
        room = max(1, self.size.height - 1)
        top, index = round(self.scroll_y), self.index
        wanted = min(max(top, index - room + 1), index)
        if wanted != top:
            self.scroll_to(y=wanted, animate=False)

    def action_move(self, rows_down: int) -> None:
        """Down or up, stopping at the ends."""
        if self._rows:
            target = max(0, min(len(self._rows) - 1, self.index + rows_down))
            self.cursor = self._rows[target].instance.name

    def action_page(self, pages: int) -> None:
        """A screenful."""
        self.action_move(pages * max(1, self.size.height - 2))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, a second one opens."""
        index = event.y - 1 + round(self.scroll_y)
        if event.y >= 1 and 0 <= index < len(self._rows):
            self.cursor = self._rows[index].instance.name
            if event.chain > 1:
                self.post_message(self.Opened())

    # --- drawing

    def on_resize(self) -> None:
        """Other columns may fit."""
        self._rearranged(list(self._place))

    def watch_has_focus(self, focused: bool) -> None:
        """The cursor mark shows who has the keyboard."""
        super().watch_has_focus(focused)
        self._repaint([self.index])

    def _line(self, y: int) -> tuple[Line, str]:
        if not self._rows:
            return (self.empty[y] if y < len(self.empty) else ()), "ground"
        if y == 0:
            return rows.head(self._columns, self._sort), "ground"
        index = y - 1 + round(self.scroll_y)
        if index >= len(self._rows):
            return (), "ground"
        row = self._rows[index]
        here = row.instance.name == self.cursor
        return rows.row(self._columns, row, cursor=here, focused=self.has_focus), "raised" if here else "ground"

    def render_line(self, y: int) -> Strip:
        """Titles in the first row, then instances."""
        line, ground = self._line(y)
        return self.ink.strip(line, self.size.width, ground)
