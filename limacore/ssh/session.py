"""A login shell in a guest on a terminal of its own, for the dashboard: its size follows the window's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any

from msgspec import Struct

from limacore.errors import GuestError

LOGIN_TIME = 30.0
"""Seconds until a login is given up; an emulated guest takes two."""
_READ = 65536
_TERMINAL = "xterm-256color"


class Login(Struct, frozen=True):
    """Who logs in where, and with which key."""

    address: str
    port: int
    user: str
    key: Path


class ShellSession:
    """A shell at work. Reading gives b"" when it has ended."""

    def __init__(self, process: Any) -> None:
        self._process = process

    async def read(self) -> bytes:
        """The next bytes that it printed, at most 64 KiB."""
        try:
            return bytes(await self._process.stdout.read(_READ))
        except (OSError, _library().Error):
            return b""

    async def write(self, data: bytes) -> None:
        """Type; raises GuestError when the shell is gone."""
        try:
            self._process.stdin.write(data)
            await self._process.stdin.drain()
        except (OSError, _library().Error) as error:
            raise GuestError("the shell has ended") from error

    def resize(self, cols: int, rows: int) -> None:
        """Another size of the window; what runs in it is told."""
        if cols > 0 and rows > 0:
            self._process.change_terminal_size(cols, rows)


@contextlib.asynccontextmanager
async def shell(login: Login, cols: int, rows: int) -> AsyncIterator[ShellSession]:
    """Log in and run the user's shell; raises GuestError. The host key is not looked at, as ssh is told not to."""
    library = await asyncio.to_thread(_library)  # importing it takes 130 ms
    async with contextlib.AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(LOGIN_TIME):
                connection = await stack.enter_async_context(library.connect(
                    login.address, login.port, username=login.user, client_keys=[str(login.key)], known_hosts=None,
                    config=None, agent_path=None, x509_trusted_certs=None, preferred_auth=["publickey"],
                    compression_algs=["none"]))
                process = await stack.enter_async_context(connection.create_process(
                    term_type=_TERMINAL, term_size=(max(1, cols), max(1, rows)), encoding=None))
        except (OSError, TimeoutError, library.Error, library.KeyImportError) as error:
            raise GuestError(f"cannot log in at {login.address}:{login.port} as {login.user}",
                             detail=str(error) or "no answer") from error
        yield ShellSession(process)


def _library() -> Any:
    return import_module("asyncssh")
