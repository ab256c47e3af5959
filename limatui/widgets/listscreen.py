"""A list on a screen of its own: what jobs, events, settings, the cache and the doctor share."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widget import Widget

from limacore.errors import LimaError
from limacore.model.job import JobState
from limatui.ink import Line
from limatui.present.keys import Key
from limatui.widgets.aboard import Aboard
from limatui.widgets.background import begin
from limatui.widgets.bar import Bar, Block
from limatui.widgets.footer import Footed, Footer
from limatui.widgets.picklist import PickList

T = TypeVar("T")
R = TypeVar("R")
_LOOKING: Line = (("looking …", "dim"),)


class ListScreen(ModalScreen[R], Aboard, Footed, Generic[T, R]):
    """A title, a list with what stands around it, keys.

    `draw` draws everything; `draw_chosen` what depends on the cursor, and is called when that moves.
    """

    def __init__(self) -> None:
        super().__init__()
        self.head, self.foot = Bar(ground="panel-ground"), Footer()
        self.list: PickList[T] = PickList(self.line, self.key)
        self._rows = 0

    def compose(self) -> ComposeResult:
        """Title, list, keys."""
        yield self.head
        yield from self.middle()
        yield self.foot

    # --- what a screen says

    def middle(self) -> Sequence[Widget]:
        """What stands between title and keys; the list is one of them."""
        raise NotImplementedError

    def line(self, item: T, cells: int) -> Line:
        """An item."""
        raise NotImplementedError

    def key(self, item: T) -> Hashable:
        """What tells an item from the others."""
        raise NotImplementedError

    def keys(self) -> Sequence[Key]:
        """What can be done now."""
        raise NotImplementedError

    # --- drawing

    def on_mount(self) -> None:
        """The list has the keyboard."""
        self.list.focus()

    def on_resize(self) -> None:
        """Other cuts."""
        self.draw()

    def draw(self) -> None:
        """Everything; what has not changed is not painted."""
        self.set_class(not self.list.items, "-none")
        self.draw_chosen()

    def draw_chosen(self) -> None:
        """What depends on the item under the cursor."""
        self.foot.keys(self.keys(), ())

    def fit(self, share: int) -> None:
        """The list as high as it has items, at most one in `share` rows; what is below has other room then."""
        rows = max(1, min(len(self.list.items), self.size.height // share))
        if rows != self._rows:
            self.list.styles.height = self._rows = rows
            self.call_after_refresh(self.draw)

    def on_pick_list_moved(self, event: PickList.Moved) -> None:
        """Another one."""
        event.stop()
        self.draw_chosen()


class LookScreen(ListScreen[T, R]):
    """A list that is found out: when the screen opens, and again when a job has begun or ended."""

    nothing: Sequence[Line]
    """What is said when nothing was found."""

    def __init__(self) -> None:
        super().__init__()
        self.empty = Block((_LOOKING,), id="empty")
        self.looked = False
        self._states: tuple[tuple[int, JobState], ...] | None = None

    async def find(self) -> Sequence[T]:
        """What there is now; raises LimaError."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Look, and follow the jobs."""
        self.watch(self.app, "jobs", self._follow)

    def _follow(self) -> None:
        states = tuple((job.id, job.state) for job in self.board.jobs)
        if states != self._states:
            self._states = states
            self.action_look()

    def action_look(self) -> None:
        """Find out once more."""
        if not self.list.items:
            self.empty.show((_LOOKING,))
        begin(self, "look", self._look)

    async def _look(self) -> None:
        try:
            found = await self.find()
        except LimaError as error:
            found = ()
            told = ((error.message, "bad"), (error.detail, "dim"), (error.hint, "dim"))
            self.empty.show(tuple((span,) for span in told if span[0]))
        else:
            self.empty.show(self.nothing)
        self.looked = True
        self.list.show(found)
        self.draw()
