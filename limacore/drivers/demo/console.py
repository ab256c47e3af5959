"""The serial line of a demo machine: one holder at a time, a shell at the other end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from limacore.drivers.demo.shell import Shell
from limacore.errors import LockedError


class DemoConsole:
    """A held line; reading returns b"" after the machine hung up."""

    def __init__(self, answer: Callable[[bytes], bytes], log: Callable[[bytes], None]) -> None:
        self._answer = answer
        self._log = log
        self.arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(self) -> bytes:
        """What the guest printed next."""
        return await self.arrived.get()

    async def write(self, data: bytes) -> None:
        """Type into the guest."""
        printed = self._answer(data)
        if printed:
            self.arrived.put_nowait(printed)
            await asyncio.to_thread(self._log, printed)

    def resize(self, cols: int, rows: int) -> None:
        """Nothing here depends on it."""


class Line:
    """The serial port of one machine."""

    def __init__(self, name: str) -> None:
        self._shell = Shell(f"lima-{name}")
        self._holder: DemoConsole | None = None

    @asynccontextmanager
    async def hold(self, *, live: bool, log: Callable[[bytes], None], take: bool) -> AsyncIterator[DemoConsole]:
        """Take the line; raises LockedError when it is taken, unless it is to be taken over."""
        if self._holder is not None and not take:
            raise LockedError("the console is held by another window")
        self._holder = console = DemoConsole(self._shell.feed, log)
        if live:
            console.arrived.put_nowait(self._shell.greeting())
        try:
            yield console
        finally:
            self._holder = None

    def say(self, data: bytes) -> None:
        """The guest prints."""
        if self._holder is not None and data:
            self._holder.arrived.put_nowait(data)

    def hang_up(self) -> None:
        """The machine is gone."""
        if self._holder is not None:
            self._holder.arrived.put_nowait(b"")
