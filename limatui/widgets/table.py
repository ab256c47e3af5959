"""The instance table: fixed columns, the title stays, rows are diffed, cursor and scroll never jump."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from msgspec.structs import replace
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from limacore.model.instance import Instance
from limatui.ink import Line, plain
from limatui.present import rows
from limatui.settings.keymap import named
from limatui.widgets.inked import Inked
from limatui.widgets.picklist import CURSOR_KEYS

Data = rows.Row | rows.Head


class InstanceTable(ScrollView, Inked, can_focus=True):
    """Instances and the heads of their groups; `cursor` is the key of a line, which it follows wherever that goes."""

    BINDINGS: ClassVar[list[BindingType]] = named("instances", CURSOR_KEYS)
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

    class Folded(Message):
        """A head was clicked: its group is to be folded, or opened."""

    class Titled(Message):
        """The title of a column was clicked."""

        def __init__(self, column: str) -> None:
            super().__init__()
            self.column = column

    class Marked(Message):
        """Other instances are marked."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: tuple[Data, ...] = ()
        self._place: dict[str, int] = {}
        self._columns: tuple[rows.Column, ...] = ()
        self._last_index = 0
        self._marks: frozenset[str] = frozenset()
        self._all: tuple[Instance, ...] = ()
        self._sort = ("", False)
        self.empty: tuple[Line, ...] = ()
        self.wanted: tuple[str, ...] = ()

    # --- data

    def show(self, data: Sequence[Data], everything: Sequence[Instance] = (), sort: str = "",
             backwards: bool = False) -> None:
        """Other rows: those that differ are painted, the cursor stays on its instance; marks outlive being hidden."""
        self._all = tuple(everything)
        self._marks &= {each.name for each in everything}
        old, self._rows = self._rows, tuple(self._marked(row) for row in data)
        if (sort, backwards) != self._sort:
            self._sort = (sort, backwards)
            self.refresh()
        keys = [rows.key_of(each) for each in self._rows]
        moved = len(old) != len(self._rows) or keys != list(self._place)
        self._place = {key: index for index, key in enumerate(keys)}
        if moved:
            self._rearranged(keys)
        else:
            self._repaint([index for index, each in enumerate(self._rows) if each != old[index]])

    def _rearranged(self, keys: Sequence[str]) -> None:
        cells = self.scrollable_content_region.width
        self.virtual_size = Size(cells, len(self._rows) + 1)
        names = [each.instance.name for each in self._rows if isinstance(each, rows.Row)]
        self._columns = rows.columns(cells, names, self.wanted)
        if self.cursor not in self._place and keys:
            self.cursor = self._instead(keys)
        elif not keys:
            self.cursor = ""
        self._last_index = self._place.get(self.cursor, 0)
        self._reveal()
        self.refresh()

    def _instead(self, keys: Sequence[str]) -> str:
        """Where the cursor goes whose line is gone: to the head of the group that holds it, else it stays in place."""
        head = next((each.key for each in self.heads if self.cursor in each.group.names), "")
        return head or keys[min(self._last_index, len(keys) - 1)]

    def _repaint(self, indexes: Sequence[int]) -> None:
        top, (width, height) = round(self.scroll_y), self.size
        lines = [index - top + 1 for index in indexes]
        seen = [Region(0, y, width, 1) for y in lines if 1 <= y < height]
        if seen:
            self.refresh(*seen)

    def _marked(self, row: Data) -> Data:
        here = row.group.names <= self._marks if isinstance(row, rows.Head) else row.instance.name in self._marks
        return row if row.marked is here else replace(row, marked=here)

    @property
    def heads(self) -> tuple[rows.Head, ...]:
        """The heads of groups."""
        return tuple(each for each in self._rows if isinstance(each, rows.Head))

    @property
    def current(self) -> Data | None:
        """What is under the cursor."""
        at = self._place.get(self.cursor)
        return self._rows[at] if at is not None else None

    @property
    def instance(self) -> str:
        """The instance under the cursor; empty on the head of a group."""
        return self.cursor if isinstance(self.current, rows.Row) else ""

    @property
    def group(self) -> rows.Head | None:
        """The head of the group in which the cursor is."""
        return next((each for each in self.heads if each.key == self.cursor or self.cursor in each.group.names), None)

    @property
    def names(self) -> frozenset[str]:
        """The instances that are shown, those of folded groups too."""
        shown = {each.instance.name for each in self._rows if isinstance(each, rows.Row)}
        return frozenset(shown.union(*(each.group.names for each in self.heads)))

    @property
    def marked(self) -> tuple[Instance, ...]:
        """The marked instances, hidden ones too, in the order of the fleet."""
        return tuple(each for each in self._all if each.name in self._marks)

    def mark(self) -> None:
        """Mark what is under the cursor, or not any more, and go on to the next; a head stands for its group."""
        current = self.current
        if isinstance(current, rows.Head):
            names = current.group.names
            self._mark_only(self._marks - names if names <= self._marks else self._marks | names)
        elif current is not None:
            self._mark_only(self._marks ^ {self.cursor})
        self.action_move(1)

    def mark_all(self) -> None:
        """Mark all that are shown; none when they all are."""
        shown = self.names
        self._mark_only(frozenset() if shown <= self._marks else self._marks | shown)

    def unmark(self) -> None:
        """Mark nothing."""
        self._mark_only(frozenset())

    def _mark_only(self, names: frozenset[str]) -> None:
        self._marks = names
        self._rows = tuple(self._marked(row) for row in self._rows)
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
            self.cursor = rows.key_of(self._rows[target])

    def action_page(self, pages: int) -> None:
        """A screenful."""
        self.action_move(pages * max(1, self.size.height - 2))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, a second one opens; one on a title sorts, one on the sign of a head folds."""
        index = event.y - 1 + round(self.scroll_y)
        if event.y == 0:
            self._title_clicked(event.x)
        elif event.y >= 1 and 0 <= index < len(self._rows):
            clicked = self._rows[index]
            self.cursor = rows.key_of(clicked)
            if isinstance(clicked, rows.Head) and (event.x <= rows.CURSOR or event.chain > 1):
                self.post_message(self.Folded())
            elif event.chain > 1:
                self.post_message(self.Opened())

    def _title_clicked(self, cell: int) -> None:
        column = rows.column_at(self._columns, cell)
        if column and self._rows:
            self.post_message(self.Titled(column))

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
            return rows.head(self._columns, *self._sort), "ground"
        index = y - 1 + round(self.scroll_y)
        if index >= len(self._rows):
            return (), "ground"
        row = self._rows[index]
        here = rows.key_of(row) == self.cursor
        draw = partial(rows.group_head, data=row) if isinstance(row, rows.Head) else partial(rows.row, data=row)
        return draw(self._columns, cursor=here, focused=self.has_focus), "raised" if here else "ground"

    def render_line(self, y: int) -> Strip:
        """Titles in the first row, then instances."""
        line, ground = self._line(y)
        return self.ink.strip(line, self.size.width, ground)
