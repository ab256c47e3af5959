"""What is known of a guest during its boot; each fact can be waited for."""

from __future__ import annotations

import asyncio

NAMES = ("sshd", "master", "agent", "session", "sshfs", "fuse", "boot")


class Facts:
    """`sshd` answers, `master` is logged in, `agent` said hello, user `session` may begin,
    `sshfs` is installed, `fuse` lets others in, `boot` scripts are done."""

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

    async def wait_first(self, name: str, *, absent: str) -> None:
        """Wait until `name` is true or `absent` is not."""
        waits = {asyncio.ensure_future(self._events[name].wait()), asyncio.ensure_future(self._absent[absent].wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
