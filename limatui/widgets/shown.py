"""Knowing that one is on the screen, even where Textual forgets to say so."""

from __future__ import annotations

from textual import events
from textual.widget import Widget


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
