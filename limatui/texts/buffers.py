"""The texts that are being edited, each kept where nothing loses it until it is saved or dropped."""

from __future__ import annotations

import asyncio

from msgspec import Struct

from limatui.texts.recovery import Key, Recovery, Unsaved
from limatui.texts.source import Held, Source


class Buffer(Struct, eq=False):
    """One text: as it is kept outside, and as it stands in the editor."""

    source: Source
    saved: str
    """What it is an edit of: the file, or what waits for the next start."""
    text: str
    disk: str
    """What the file held when it was read."""
    waits: bool = False
    new: bool = False
    row: int = 0
    column: int = 0

    @property
    def dirty(self) -> bool:
        """Whether something would be lost."""
        return self.saved != self.text

    @property
    def savable(self) -> bool:
        """Whether saving would change anything."""
        return self.dirty or self.new

    @property
    def key(self) -> Key:
        """What tells it from others."""
        return self.source.kind, self.source.name

    def became(self, text: str) -> None:
        """The editor has one kind of line ends; that alone is no change."""
        if not self.dirty:
            self.saved = text
        self.text = text

    def take(self, held: Held, text: str | None = None) -> None:
        """What is outside now; `text` stays in the editor, if given."""
        self.saved, self.disk, self.waits, self.new = held.text, held.disk, held.waits, held.new
        self.text = held.text if text is None else text


class Buffers:
    """All texts of one pane, by kind and name."""

    def __init__(self, recovery: Recovery) -> None:
        self._recovery = recovery
        self._all: dict[Key, Buffer] = {}

    @property
    def unsaved(self) -> tuple[str, ...]:
        """Names of the texts that would be lost."""
        return tuple(each.source.name for each in self._all.values() if each.dirty)

    async def open(self, source: Source) -> Buffer:
        """The text of a source, read again unless it has changes here; raises LimaError, OSError."""
        held = await asyncio.to_thread(source.read)
        known = self._all.get((source.kind, source.name))
        if known is not None and known.dirty:
            return known
        place = (known.row, known.column) if known else (0, 0)
        buffer = Buffer(source, held.text, held.text, held.disk, held.waits, held.new, *place)
        self._all[buffer.key] = buffer
        return buffer

    async def left_over(self, buffer: Buffer) -> Unsaved | None:
        """A text that was never saved, of a dashboard that ended; None when there is none, or one like this."""
        if buffer.dirty:
            return None
        found = await asyncio.to_thread(self._recovery.offered, buffer.key)
        if found is not None and found.text == buffer.text:
            await self.settle(buffer)
            return None
        return found

    async def settle(self, buffer: Buffer) -> None:
        """What was left over is taken or not wanted; what is in the editor now is kept first."""
        await self.keep(buffer)
        await asyncio.to_thread(self._recovery.settle, buffer.key)

    async def keep(self, buffer: Buffer) -> None:
        """Write what would be lost, and remove what would not; raises HostError."""
        self._recovery.want(buffer.key, (buffer.saved, buffer.text) if buffer.dirty else None)
        await asyncio.to_thread(self._recovery.write)

    async def keep_all(self) -> None:
        """The same for every text."""
        for buffer in list(self._all.values()):
            await self.keep(buffer)

    async def drop_all(self) -> None:
        """Forget every change."""
        for buffer in list(self._all.values()):
            buffer.text = buffer.saved
            await self.keep(buffer)
