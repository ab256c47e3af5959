"""When completions are looked for, and how a choice gets into the text."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from limacore.errors import LimaError
from limatui.present.completion import Choice, Spot, choices, spot
from limatui.widgets.background import begin

if TYPE_CHECKING:
    from limatui.widgets.editor.pane import TextPane

_PAUSE = 0.06
"""Seconds without a key before completions are looked for."""


class Completing:
    """Finds choices for the cursor of a pane, in a thread."""

    def __init__(self, pane: TextPane) -> None:
        self._pane = pane
        self.names: Mapping[str, tuple[str, ...]] = {}
        """What may be named in a field, by its path."""

    async def learn_names(self) -> None:
        """Find out which templates there are."""
        try:
            found = await asyncio.to_thread(self._pane.engine.describe_templates)
        except (LimaError, OSError):
            return
        self.names = {"base": tuple(f"template:{each.name}" for each in found)}

    def suggest(self) -> None:
        """The text changed: look, if that was a letter."""
        if self._pane.editor.typed:
            self._soon()
        else:
            self._pane.completion.close()

    def _soon(self) -> None:
        since = self._pane.completion.dismissals
        self._pane.after("complete", _PAUSE, lambda: self._look_up(False, since))

    def look_up(self) -> None:
        """Look for choices because somebody asks, also where typing alone would show none."""
        self._look_up(True, self._pane.completion.dismissals)

    def _look_up(self, asked: bool, since: int) -> None:
        if self._pane.buffer is not None and self._pane.editor.has_focus:
            begin(self._pane, "config-complete", partial(self._find, asked, since))

    async def _find(self, asked: bool, since: int) -> None:
        editor = self._pane.editor
        lines, place = list(editor.document.lines), editor.cursor_location
        found = await asyncio.to_thread(_choices_at, lines, *place, self.names, asked)
        wanted = since == self._pane.completion.dismissals
        if wanted and place == editor.cursor_location and editor.has_focus:
            if asked and not found:
                self._pane.notify("nothing is known that could be written here", markup=False)
            self._pane.completion.offer(found, editor.cursor_screen_offset, self._pane.screen.size, asked=asked)

    def write(self, choice: Choice) -> None:
        """Put a choice into the text; what may follow it is offered at once."""
        editor = self._pane.editor
        row, column = editor.cursor_location
        place = spot(editor.document.lines, row, column)
        if place is not None:
            editor.write(choice.insert, row, place.start, max(column, place.end))
            if choice.insert.endswith((": ", "- ")):
                self._soon()


def _choices_at(lines: list[str], row: int, column: int, names: Mapping[str, tuple[str, ...]],
                asked: bool) -> tuple[Choice, ...]:
    """Unasked, keys are offered only once a letter of them is typed, and not into keys that are there."""
    place: Spot | None = spot(lines, row, column)
    if place is None or (not asked and (place.followed or (not place.word and place.kind == "key"))):
        return ()
    return choices(place, names)
