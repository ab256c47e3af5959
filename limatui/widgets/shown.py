"""Knowing that one is on the screen, even where Textual forgets to say so."""

from __future__ import annotations

from textual import events
from textual.widget import Widget

from limatui.widgets.background import begin


class Shown(Widget):
    """A widget that remembers whether it was told. `be_told` makes up for it.

    Textual finds out who is new by comparing two maps of the screen, and makes the first one anew whenever somebody
    asks where a widget is: what was added before that question is never told (one pane in fifteen on a busy computer).
    """

    was_told = False

    def on_show(self) -> None:
        """Told."""
        self.was_told = True

    def on_hide(self) -> None:
        """Gone from the screen."""
        self.was_told = False

    def be_told(self) -> None:
        """Tell it, unless that was done; call it after the screen was laid out."""
        if not self.was_told and self.display and self.is_attached:
            self.was_told = True
            self.post_message(events.Show())


class Looking(Shown):
    """Finds something out while it is on the screen: when it comes there, and when what the answer depends on differs.

    Call `follow` when that may be so; what is looked for costs the engine a process or a read.
    """

    _seen: tuple[object, ...] = ()

    def depends(self) -> tuple[object, ...]:
        """What the answer depends on; nothing when there is nothing to look for."""
        raise NotImplementedError

    async def look(self) -> None:
        """Find it out."""
        raise NotImplementedError

    def on_show(self) -> None:
        """Look now."""
        self._seen = ()
        self.follow()

    def follow(self) -> None:
        """Look again if that is needed."""
        now = self.depends()
        if self.is_on_screen and now != self._seen:
            self._seen = now
            if now:
                begin(self, "look", self.look)
