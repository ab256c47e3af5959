"""Looking at a text in a thread: what is wrong with it, and the values that it leads to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from limacore.errors import LimaError
from limacore.model.config import Problem
from limacore.model.template import Effective
from limatui.present import effective as values
from limatui.texts.buffers import Buffer
from limatui.widgets.editor.keydoc import in_order

if TYPE_CHECKING:
    from limatui.widgets.editor.pane import TextPane


class Checking:
    """What is known of the text of a pane."""

    def __init__(self, pane: TextPane) -> None:
        self._pane = pane
        self.problems: tuple[Problem, ...] = ()
        self.effective: tuple[Effective, ...] = ()
        self.before: values.Values = {}
        """The values of the text as it is saved."""

    def forget(self) -> None:
        """Another text."""
        self.problems, self.effective, self.before = (), (), {}

    def saved(self) -> None:
        """From now on values are compared with those of the text as it is."""
        self.before = {}

    def _is_current(self, buffer: Buffer, text: str) -> bool:
        return self._pane.buffer is buffer and buffer.text == text

    async def validate(self, buffer: Buffer) -> None:
        """Find the problems, then the values that the text leads to."""
        text = buffer.text
        try:
            problems = await asyncio.to_thread(buffer.source.check, text)
        except LimaError as error:
            problems = (Problem("", error.message, error.hint),)
        if self._is_current(buffer, text):
            self.problems = in_order(problems)
            self._pane.around.mark()
            await self._evaluate(buffer, text)

    async def _evaluate(self, buffer: Buffer, text: str) -> None:
        if not (self._pane.viewing or self._pane.has_class("-wide")):
            return
        try:
            found = await asyncio.to_thread(buffer.source.effective, text)
            before = self.before or values.values(
                found if buffer.saved == text else await asyncio.to_thread(buffer.source.effective, buffer.saved))
        except LimaError:
            return  # a text with errors has no values; the list of problems says why
        if self._is_current(buffer, text):
            self.effective, self.before = found, before
            self._pane.around.tell()
