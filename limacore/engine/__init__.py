"""The whole engine as one small class: watch the fleet, run verbs as jobs, answer questions about files."""

from __future__ import annotations

import asyncio
import pkgutil
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from limacore import lifecycle
from limacore.engine.console import SerialConsole, hold
from limacore.engine.doctor import Doctor
from limacore.engine.firstlook import FirstLook
from limacore.engine.logs import log_files
from limacore.engine.runtime import Runtime
from limacore.engine.shell import shell
from limacore.engine.storage import Storage
from limacore.engine.texts import Texts
from limacore.engine.verbs import Verbs
from limacore.lifecycle.guard import existing
from limacore.model.instance import Fleet
from limacore.model.job import Job
from limacore.model.logfile import LogFile
from limacore.paths import HomePaths
from limacore.ssh.session import ShellSession

if TYPE_CHECKING:
    from limacore.engine.observe import Observer

_ROOMS = ("limacore.forward.byhand", "limacore.forward.probe", "limacore.store.boots", "limacore.templates.gallery")


class Engine(Verbs, Storage, Runtime, Texts, Doctor):
    """Everything the dashboard needs of one Lima home. Verbs return a job id at once; queries raise LimaError."""

    def __init__(self, home: Path | None = None, *, interval: float = 1.0) -> None:
        super().__init__(home)
        self.interval = interval
        self._closed = asyncio.Event()
        self._first: FirstLook | None = None
        self._observer: Observer | None = None

    def look_ahead(self) -> None:
        """Begin to look while others are still being imported; only before there are threads."""
        self._first = FirstLook(self._home)

    def warm(self) -> None:
        """Import what verbs and queries need before somebody asks; 0.1 s, so in a thread."""
        for each in pkgutil.iter_modules(lifecycle.__path__):
            import_module(f"{lifecycle.__name__}.{each.name}")
        for name in _ROOMS:
            import_module(name)

    async def watch(self) -> AsyncIterator[Fleet]:
        """A Fleet now and whenever it differs, at most once per interval (seconds)."""
        first, self._first = self._first, None
        last = await first.fleet() if first else None
        if last is not None:
            yield last
            await self._pause()
        if self._observer is None:  # kept over failures: a later look is doubted by what earlier ones showed
            self._observer = await asyncio.to_thread(_observer, self._home)
        observer = self._observer
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


def _observer(home: HomePaths) -> Observer:
    """Not in the loop, and not before the first picture: what looks takes 40 ms to import."""
    from limacore.engine.observe import Observer

    return Observer(home)
