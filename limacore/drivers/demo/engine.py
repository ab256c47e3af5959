"""The demo engine: answers what the real engine answers, for machines that exist only here."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from limacore.drivers.demo import files, world
from limacore.drivers.demo.console import DemoConsole, Line
from limacore.drivers.demo.doctor import DemoDoctor
from limacore.drivers.demo.runtime import DemoRuntime
from limacore.drivers.demo.storage import DemoStorage
from limacore.drivers.demo.texts import DemoTexts
from limacore.drivers.demo.verbs import DemoVerbs
from limacore.drivers.demo.world import Machine
from limacore.errors import StateError
from limacore.model.instance import Fleet, Instance, Status
from limacore.model.job import Job
from limacore.model.logfile import LogFile

_PIECE = 100
"""Machines that are looked at in one turn of the loop."""

class DemoEngine(DemoVerbs, DemoStorage, DemoRuntime, DemoTexts, DemoDoctor):
    """A world without VMs; see `DemoWorld` for its clock."""

    def fleet(self) -> Fleet:
        """Everything at this moment."""
        now, machines = self.now(), tuple(self._machines.values())
        return self._fleet(machines, self._observed(machines, now), now)

    async def _look(self) -> Fleet:
        """The same in pieces: of a thousand machines 7 ms pass, and the real engine looks in a thread."""
        now, machines, seen = self.now(), tuple(self._machines.values()), list[Instance]()
        for at in range(0, len(machines), _PIECE):
            seen += self._observed(machines[at:at + _PIECE], now)
            await asyncio.sleep(0)
        return self._fleet(machines, tuple(seen), now)

    def _observed(self, machines: Sequence[Machine], now: float) -> tuple[Instance, ...]:
        return tuple(world.observe(each, Path(self.home), now, edit_waits=each.name in self._waiting)
                     for each in machines)

    def _fleet(self, machines: tuple[Machine, ...], seen: tuple[Instance, ...], now: float) -> Fleet:
        return Fleet(self._label, seen, world.disks(machines, seen, Path(self.home), self._disks), world.host(now))

    async def watch(self) -> AsyncIterator[Fleet]:
        """A fleet now, then about once a second, faster while a machine boots."""
        last: Fleet | None = None
        while not self.closed:
            seen = self._pokes
            fleet = await self._look()
            if fleet != last:
                last = fleet
                yield fleet
            if self._pokes == seen:  # else something changed while the last fleet was being shown
                await self._pause()
            if self._frozen is None:
                await self._settle()

    def watch_jobs(self) -> AsyncIterator[tuple[Job, ...]]:
        """All jobs, newest first, whenever one changes."""
        return self._jobs.watch()

    def cancel(self, job: int) -> None:
        """End a job early; what it began is undone."""
        self._jobs.cancel(job)

    def again(self, job: int) -> int:
        """Begin what a job did once more."""
        return self._jobs.again(job)

    # --- questions

    def log_files(self, name: str) -> tuple[LogFile, ...]:
        """The logs of a machine: real files."""
        return files.logs(self._directory(name), self._get(name).started_at)

    @asynccontextmanager
    async def console(self, name: str, source: str = "serial", *, size: tuple[int, int] = (80, 24), take: bool = False
                      ) -> AsyncIterator[DemoConsole]:
        """Hold a serial port, or a shell; raises LockedError or StateError."""
        if not self._get(name).status.is_up:
            raise StateError(f"instance `{name}` does not run", hint=f"start it: limatui start {name}")
        directory = await asyncio.to_thread(self._directory, name)
        live = self._get(name).status is Status.RUNNING
        log = (lambda data: None) if source != "serial" else lambda data: files.append_serial(directory, data)
        if source == "shell" and not live:
            raise StateError(f"instance `{name}` is not ready for a shell")
        line = self._line(name) if source == "serial" else self._lines.setdefault(f"{name}/{source}", Line(name))
        async with line.hold(live=live and source in ("serial", "shell"), log=log, take=take) as held:
            yield held

    def shell_argv(self, name: str) -> tuple[str, ...]:
        """A shell on this computer, as there is no guest."""
        self._get(name)
        return ("sh", "-c", 'echo "demo: there is no guest; this is a shell of this computer"; exec "${SHELL:-sh}"')

    async def close(self) -> None:
        """End everything and remove the files."""
        self.closed = True
        self.poke()
        await self._jobs.close()
        for each in self._lines.values():
            each.hang_up()
        with contextlib.suppress(OSError):
            await asyncio.to_thread(shutil.rmtree, self.home)
