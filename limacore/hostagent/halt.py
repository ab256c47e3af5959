"""Whether the machine stands still, and why; who speaks with the guest waits for it here."""

from __future__ import annotations

import asyncio
import contextlib


class Halt:
    """`reason` is None while the machine runs, and empty when somebody asked for it."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self._going = asyncio.Event()
        self._going.set()
        self._resumed = asyncio.Event()

    def begin(self, reason: str) -> None:
        """It stands still from now on."""
        self.reason = reason
        self._going.clear()
        self._resumed.clear()

    def end(self) -> None:
        """It runs again."""
        if self.reason is not None:
            self.reason = None
            self._going.set()
            self._resumed.set()

    async def over(self) -> None:
        """Wait until it runs."""
        await self._going.wait()

    async def resumed_within(self, seconds: float) -> bool:
        """Wait so long, or until it has begun to run again, which is told once."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._resumed.wait()
        resumed = self._resumed.is_set()
        self._resumed.clear()
        return resumed
