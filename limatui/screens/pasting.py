"""Pasting into a guest: asked about when it could run something by itself, no faster than a serial port takes it."""

from __future__ import annotations

import asyncio
from functools import partial

from textual.reactive import reactive, var

from limatui.present import paste as present
from limatui.widgets.ask import Ask, Choice
from limatui.widgets.background import begin
from limatui.widgets.shown import Shown
from limatui.widgets.terminal.widget import Terminal

BLOCK, PAUSE = 64, 0.01
"""About 6 KB/s: a guest's terminal line holds 4 KB that nobody has read yet, and drops the rest."""
_LONG, _NONE = 2048, -1
"""Bytes from which on a paste takes long enough to be told of."""
SHELL_BLOCK = 16 * 1024
"""A shell over ssh says itself when it can take no more."""


class Pasting(Shown):
    """A pane with a terminal that can be pasted into."""

    source: reactive[str]
    pasting: var[int] = var(_NONE, init=False)
    """Percent that are typed; negative when nothing is being pasted that takes long."""

    @property
    def terminal(self) -> Terminal:
        """The terminal of the pane."""
        raise NotImplementedError

    async def write(self, data: bytes) -> None:
        """Type into the guest."""
        raise NotImplementedError

    def on_terminal_pasted(self, event: Terminal.Pasted) -> None:
        """Ask before several lines or controls are typed into what may be a root shell."""
        event.stop()
        self._paste(event.text)

    def action_paste(self) -> None:
        """Paste what was copied in this program."""
        text = self.terminal.copied or self.app.clipboard
        if self.terminal.typing and text:
            self._paste(text)

    def _paste(self, text: str) -> None:
        grid = self.terminal.grid
        if grid is None:
            return
        if not present.is_risky(text):
            begin(self, "console-paste", partial(self._type, grid.paste(text)))
            return
        question = Ask("Paste into the guest?", present.preview(text), (Choice("enter", "paste", "paste"),),
                       warning=present.risk(text, grid.brackets()))
        self.app.push_screen(question, lambda answer: self._answered(answer, text))

    def _answered(self, answer: str | None, text: str) -> None:
        self.terminal.focus()
        if answer == "paste" and self.terminal.grid is not None:
            self.terminal.typing = self.terminal.can_type
            begin(self, "console-paste", partial(self._type, self.terminal.grid.paste(text)))

    async def _type(self, data: bytes) -> None:
        """Until all is typed, or the user takes the keyboard back."""
        block, pause = (SHELL_BLOCK, 0.0) if self.source == "shell" else (BLOCK, PAUSE)
        try:
            for start in range(0, len(data), block):
                if not self.terminal.typing:
                    return
                await self.write(data[start : start + block])
                self.pasting = start * 100 // len(data) if len(data) > _LONG else _NONE
                await asyncio.sleep(pause)
        finally:
            self.pasting = _NONE
