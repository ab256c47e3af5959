"""Saving, leaving and finding again what was not saved: the questions, and what follows from each answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from limacore.errors import LimaError, StateError
from limatui.present.words import duration
from limatui.texts.buffers import Buffer
from limatui.texts.recovery import Unsaved
from limatui.widgets.ask import Ask, Choice
from limatui.widgets.background import begin
from limatui.widgets.editor.diff import diff

if TYPE_CHECKING:
    from limatui.widgets.editor.pane import TextPane


class Saving:
    """What happens to the buffer of a pane."""

    def __init__(self, pane: TextPane) -> None:
        self._pane = pane

    def _ask(self, question: Ask, then: Callable[[str], object]) -> None:
        def answered(answer: str | None) -> None:
            self._pane.editor.focus()
            then(answer or "")
        self._pane.app.push_screen(question, answered)

    # --- saving

    async def save(self) -> None:
        """Check once more, show the change, then write."""
        pane, buffer = self._pane, self._pane.buffer
        if buffer is None or not buffer.savable:
            return
        await pane.checking.validate(buffer)
        error = next((problem for problem in pane.problems if problem.severity == "error"), None)
        if error is not None:
            if error.line and pane.editor.cursor_location[0] != error.line - 1:
                pane.editor.go_to(error.line - 1)
            place = f"line {error.line}: " if error.line else ""
            pane.warn(f"not saved: {place}{error.message}")
            return
        change = diff("" if buffer.new else buffer.saved, buffer.text)
        question = Ask(f"Save {_what(buffer)}?", change, (Choice("enter", "save", "save"),),
                       warning=buffer.source.when_saved(pane.is_up(buffer)))
        self._ask(question, lambda answer: self._begin(buffer) if answer else None)

    def _begin(self, buffer: Buffer) -> None:
        begin(self._pane, "config-save", partial(self._write, buffer))

    async def _write(self, buffer: Buffer) -> None:
        pane, text = self._pane, buffer.text
        try:
            waits = await asyncio.to_thread(buffer.source.save, text, buffer.disk, pane.is_up(buffer))
        except StateError as error:
            await self._conflict(buffer, error)
            return
        except (LimaError, OSError) as error:
            pane.warn(f"not saved: {error}")
            return
        buffer.saved, buffer.new, buffer.waits = text, False, waits
        buffer.disk = buffer.disk if waits else text
        pane.checking.saved()
        pane.around.mark()
        pane.check()
        await pane.buffers.keep(buffer)
        told = "kept for the next start" if waits else "saved"
        pane.notify(buffer.source.when_saved(pane.is_up(buffer)), title=f"{_what(buffer)} {told}", markup=False)

    # --- somebody else wrote the file

    async def _conflict(self, buffer: Buffer, error: LimaError) -> None:
        """Nothing of either text may be lost without a word."""
        try:
            held = await asyncio.to_thread(buffer.source.read)
        except (LimaError, OSError):
            held = None
        if held is None or held.disk == buffer.disk:
            self._pane.warn(f"not saved: {error}")
            return
        self._ask_conflict(buffer, held.disk)

    def _ask_conflict(self, buffer: Buffer, disk: str) -> None:
        choices = (Choice("r", "read theirs, drop mine", "reload"), Choice("o", "overwrite with mine", "overwrite"),
                   Choice("d", "mine against theirs", "diff"), Choice("k", "keep editing", "keep"))
        question = Ask(f"{_what(buffer)} was changed by someone else", diff(buffer.disk, disk), choices,
                       warning="not saved; this is what changed in the file:")
        self._ask(question, lambda answer: self._settle(answer, buffer, disk))

    def _settle(self, answer: str, buffer: Buffer, disk: str) -> None:
        if answer == "diff":
            question = Ask("Mine against theirs", diff(disk, buffer.text), ())
            self._ask(question, lambda _: self._ask_conflict(buffer, disk))
            return
        if not answer:
            return
        # From now on compared with what is in the file: the next diff shows what saving would undo.
        buffer.saved = buffer.disk = disk
        if answer == "reload":
            buffer.text = disk
        self._show(buffer)
        if answer == "overwrite":
            self._begin(buffer)

    def _show(self, buffer: Buffer) -> None:
        if self._pane.buffer is buffer:
            self._pane.take(buffer)
        begin(self._pane, "config-settle", partial(self._pane.buffers.settle, buffer))

    # --- leaving

    def leave(self) -> None:
        """Ask what becomes of the changes."""
        buffer = self._pane.buffer
        if buffer is None:
            return
        choices = (Choice("s", "save", "save"), Choice("d", "drop the changes", "drop"),
                   Choice("k", "keep them for later", "keep"))
        question = Ask("There are changes that are not saved", diff(buffer.saved, buffer.text), choices)
        def answered(answer: str | None) -> None:
            self._pane.call_later(self._left, answer or "", buffer)

        self._pane.app.push_screen(question, answered)

    async def _left(self, answer: str, buffer: Buffer) -> None:
        if answer == "drop":
            buffer.text = buffer.saved
            self._show(buffer)
        if answer in ("drop", "keep"):
            await self._pane.run_action("screen.back")
            return
        self._pane.editor.focus()
        if answer == "save":
            await self.save()

    # --- what was left over

    def offer_left_over(self, buffer: Buffer, left: Unsaved) -> None:
        """A dashboard ended before this text was saved."""
        age = duration(time.time() - left.at)
        changed = "; the file was changed since" if left.base not in (buffer.disk, buffer.saved) else ""
        choices = (Choice("r", "restore it", "restore"), Choice("d", "drop it", "drop"))
        question = Ask(f"{_what(buffer)} has a text that was never saved", diff(buffer.text, left.text), choices,
                       warning=f"typed {age} ago{changed}; against the file as it is now:")
        self._ask(question, lambda answer: self._restore(answer, buffer, left))

    def _restore(self, answer: str, buffer: Buffer, left: Unsaved) -> None:
        if answer == "restore":
            buffer.text = left.text
        if answer:
            self._show(buffer)

    # --- what waits

    def forget_waiting(self) -> None:
        """Drop the edit that waits for the next start, after a question."""
        buffer = self._pane.buffer
        if buffer is None or not buffer.waits:
            return
        question = Ask("Drop the edit that waits for the next start?", diff(buffer.disk, buffer.saved),
                       (Choice("d", "drop it", "drop"),))
        self._ask(question, lambda answer: begin(self._pane, "config-save", partial(self._forget, buffer))
                  if answer else None)

    async def _forget(self, buffer: Buffer) -> None:
        try:
            await asyncio.to_thread(buffer.source.forget_waiting)
            held = await asyncio.to_thread(buffer.source.read)
        except (LimaError, OSError) as error:
            self._pane.warn(str(error))
            return
        buffer.take(held, buffer.text if buffer.dirty else None)
        self._show(buffer)


def _what(buffer: Buffer) -> str:
    return buffer.source.kind if buffer.source.kind == "lima.yaml" else f"template:{buffer.source.name}"
