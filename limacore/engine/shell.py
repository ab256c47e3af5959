"""A shell of an instance for the dashboard: who logs in, and where."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from limacore.errors import StateError
from limacore.paths import HomePaths
from limacore.ssh import session


@contextlib.asynccontextmanager
async def shell(home: HomePaths, name: str, cols: int, rows: int) -> AsyncIterator[session.ShellSession]:
    """Raises StateError when it does not run or has no ssh port, GuestError when it does not let us in."""
    async with session.shell(await asyncio.to_thread(_login, home, name), cols, rows) as held:
        yield held


def _login(home: HomePaths, name: str) -> session.Login:
    from limacore.lifecycle.shell import configured, entered

    instance = entered(home, name)
    if not instance.ssh_port:
        raise StateError(f"`{name}` has no ssh port now: it does not run")
    user = configured(instance).user.name
    return session.Login(instance.ssh_address or "127.0.0.1", instance.ssh_port, user, home.private_key)
