"""What is known of a guest during its boot; each fact can be waited for."""

from __future__ import annotations

import asyncio

NAMES = ("sshd", "master", "agent", "session", "boot")


class Facts:
    """`sshd` answers, `master` is logged in, `agent` said hello, user `session` may begin, `boot` scripts are done."""

    def __init__(self) -> None:
        self._events = {name: asyncio.Event() for name in NAMES}
        self._absent = {name: asyncio.Event() for name in NAMES}
        self.forget()

    def learn(self, name: str) -> None:
        """It is true now."""
        self._events[name].set()
        self._absent[name].clear()

    def forget(self, *names: str) -> None:
        """It is no longer true; without names nothing is."""
        for name in names or NAMES:
            self._events[name].clear()
            self._absent[name].set()

    def known(self, name: str) -> bool:
        """Whether it is true now."""
        return self._events[name].is_set()

    async def wait(self, name: str, timeout: float | None = None) -> bool:
        """Wait until it is true; False when it is not within `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._events[name].wait()
        except TimeoutError:
            return False
        return True

    async def wait_absent(self, name: str) -> None:
        """Wait until it is not true."""
        await self._absent[name].wait()
