"""Things as lines with a cursor that stays on its thing, wherever that goes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from limatui.ink import Line
from limatui.settings.keymap import named
from limatui.widgets.inked import Inked

T = TypeVar("T")
CURSOR_KEYS = (
    Binding("j,down", "move(1)", "down", show=False),
    Binding("k,up", "move(-1)", "up", show=False),
    Binding("g,home", "move(-100000)", "first", show=False),
    Binding("G,end", "move(100000)", "last", show=False),
    Binding("pagedown,ctrl+d", "page(1)", "page down", show=False),
    Binding("pageup,ctrl+u", "page(-1)", "page up", show=False),
)
"""Of every widget with a cursor on lines."""


class PickList(Inked, Generic[T], can_focus=True):
    """Shows items as `line(item, width)` draws them; `key` tells them apart. The first span of a line is its margin."""

    BINDINGS: ClassVar[list[BindingType]] = named("lists", CURSOR_KEYS)

    ground = "ground"

    class Moved(Message):
        """The cursor is on another item, or its item has changed."""

    def __init__(self, line: Callable[[T, int], Line], key: Callable[[T], Hashable], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._line, self._key = line, key
        self._items: tuple[T, ...] = ()
        self._cursor: Hashable = None
        self._at = self._top = 0
        self._painted: dict[int, Line | None] = {}

    def show(self, items: Sequence[T]) -> None:
        """Other items, or the same that read otherwise; the cursor follows its own, or stays in its row."""
        new = tuple(items)
        if new == self._items:
            if any(self._drawn(y) != line for y, line in self._painted.items()):
                self.refresh()
            return
        self._items = new
        keys = [self._key(item) for item in new]
        self._put(keys.index(self._cursor) if self._cursor in keys else self._at)

    def _drawn(self, y: int) -> Line | None:
        """A row without its cursor; None below the last item."""
        row = self._top + y
        return self._line(self._items[row], self.content_size.width) if row < len(self._items) else None

    @property
    def items(self) -> tuple[T, ...]:
        """All of them, in their order."""
        return self._items

    @property
    def current(self) -> T | None:
        """What is under the cursor."""
        return self._items[self._at] if self._at < len(self._items) else None

    def _put(self, at: int) -> None:
        self._at = max(0, min(at, len(self._items) - 1))
        current = self.current
        self._cursor = None if current is None else self._key(current)
        height = max(1, self.content_size.height)
        last = max(0, len(self._items) - height)
        self._top = max(0, min(self._top, self._at, last), self._at - height + 1)
        self.refresh()
        self.post_message(self.Moved())

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self._put(self._at + rows)

    def action_page(self, pages: int) -> None:
        """A screenful."""
        self._put(self._at + pages * max(1, self.content_size.height - 1))

    def on_click(self, event: events.Click) -> None:
        """What is under the pointer."""
        self._put(self._top + event.y)

    def on_mouse_scroll_down(self) -> None:
        """The wheel moves the cursor."""
        self._put(self._at + 1)

    def on_mouse_scroll_up(self) -> None:
        """The wheel moves the cursor."""
        self._put(self._at - 1)

    def on_resize(self) -> None:
        """Keep the cursor visible."""
        self._painted.clear()
        self._put(self._at)

    def render_line(self, y: int) -> Strip:
        """One item."""
        width, spans = self.content_size.width, self._drawn(y)
        self._painted[y] = spans
        if spans is None:
            return self.ink.strip((), width, self.ground)
        if self._top + y != self._at:
            return self.ink.strip(spans, width, self.ground)
        margin: Line = (("▎ ", "accent-key" if self.has_focus else "hairline"),)
        return self.ink.strip((*margin, *spans[1:]), width, "raised")

    def watch_has_focus(self, focused: bool) -> None:
        """The cursor shows who has the keyboard."""
        super().watch_has_focus(focused)
        self.refresh()
