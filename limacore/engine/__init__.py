"""The whole engine as one small class: watch the fleet, run verbs as jobs, answer questions about files."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from limacore.engine.console import SerialConsole, hold
from limacore.engine.doctor import Doctor
from limacore.engine.logs import log_files
from limacore.engine.observe import Observer
from limacore.engine.runtime import Runtime
from limacore.engine.shell import shell
from limacore.engine.storage import Storage
from limacore.engine.texts import Texts
from limacore.engine.verbs import Verbs
from limacore.lifecycle.guard import existing
from limacore.model.instance import Fleet
from limacore.model.job import Job
from limacore.model.logfile import LogFile
from limacore.ssh.session import ShellSession


class Engine(Verbs, Storage, Runtime, Texts, Doctor):
    """Everything the dashboard needs of one Lima home. Verbs return a job id at once; queries raise LimaError."""

    def __init__(self, home: Path | None = None, *, interval: float = 1.0) -> None:
        super().__init__(home)
        self.interval = interval
        self._closed = asyncio.Event()

    async def watch(self) -> AsyncIterator[Fleet]:
        """A Fleet now and whenever it differs, at most once per interval (seconds)."""
        observer, last = Observer(self._home), None
        while not self._closed.is_set():
            self._poke.clear()  # before looking: what is poked from here on may not have been seen
            fleet = await observer.look()
            if fleet != last:
                last = fleet
                yield fleet
            await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self.interval):
                await self._poke.wait()
        except TimeoutError:
            pass

    def watch_jobs(self) -> AsyncIterator[tuple[Job, ...]]:
        """All jobs now and whenever one changes, newest first."""
        return self._jobs.watch()

    def log_files(self, name: str) -> tuple[LogFile, ...]:
        """The logs that exist now: this boot's first."""
        return log_files(existing(self._home, name))

    def console(self, name: str, source: str = "serial", *, size: tuple[int, int] = (80, 24), take: bool = False
                ) -> AbstractAsyncContextManager[SerialConsole | ShellSession]:
        """Hold a serial console, or a `shell` of that size over ssh; raises StateError when it does not run.

        Also LockedError naming the holder of a serial port, which is not to be taken over or cannot be, and
        GuestError when the guest does not let us in."""
        if source == "shell":
            return shell(self._home, existing(self._home, name).name, *size)
        return hold(existing(self._home, name), source, take=take)

    def shell_argv(self, name: str) -> tuple[str, ...]:
        """The command that opens a shell in a real terminal."""
        return (sys.executable, "-m", "limatui", "shell", name)

    async def close(self) -> None:
        """End watches and jobs; VMs go on."""
        self._closed.set()
        self._poke.set()
        await self._jobs.close()
