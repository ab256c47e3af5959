"""The state of the demo's world and its clock; the verbs are in other files."""

from __future__ import annotations

import asyncio
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from limacore.drivers.demo import boot, files, links, stock, world
from limacore.drivers.demo.console import Line
from limacore.drivers.demo.world import Machine
from limacore.errors import NotFoundError
from limacore.jobs import Jobs
from limacore.model.instance import Status
from limacore.paths import HomePaths

TICK = 1.0
BOOT_TICK = 0.25


class DemoWorld:
    """`count` machines; with `frozen` (epoch seconds) the clock stands still until `advance`."""

    def __init__(self, count: int = 5, *, frozen: float | None = None, label: str = "demo") -> None:
        self.home = tempfile.mkdtemp(prefix="limatui-demo-")
        self._home = HomePaths(Path(self.home))
        self._label = label
        self._frozen = frozen
        self._wake: set[asyncio.Event] = set()
        self._lines: dict[str, Line] = {}
        self._printed: dict[str, float] = {}
        self._jobs = Jobs(self.now)
        self._disks = world.extra_disks(Path(self.home))
        self._machines = {each.name: each for each in world.machines(count, self.now())}
        self._snapshots = stock.first_snapshots(self.now())
        self._boots = links.first_boots(self.now())
        self._cache = stock.first_cache(Path(self.home), self.now())
        self._waiting: set[str] = set()
        """Machines whose edit waits for the next start: known here, as looking at files would block the loop."""
        self.interval = TICK
        self._pokes = 0
        self.closed = False

    def now(self) -> float:
        """Epoch seconds by this engine's clock."""
        return time.time() if self._frozen is None else self._frozen

    async def advance(self, seconds: float) -> None:
        """Move a frozen clock on and let the world follow."""
        assert self._frozen is not None, "the clock of this engine runs by itself"
        self._frozen += seconds
        await self._settle()

    def warm(self) -> None:
        """Import what is imported late."""
        import_module("limacore.templates.gallery")

    def poke(self) -> None:
        """Wake every watcher."""
        self._pokes += 1
        self._jobs.poke()
        for event in self._wake:
            event.set()

    async def _settle(self) -> None:
        for machine in [each for each in self._machines.values() if each.status is Status.STARTING]:
            await self._boot_on(machine)
        self.poke()

    async def _boot_on(self, machine: Machine) -> None:
        elapsed = self.now() - machine.started_at
        since = self._printed.get(machine.name, elapsed)
        self._printed[machine.name] = elapsed
        said = boot.serial(machine.name, since, elapsed, machine.scale)
        await asyncio.to_thread(self._print, machine.name, said)
        self._line(machine.name).say(said.encode())
        if elapsed >= boot.total(machine.scale) and self._machines.get(machine.name) is machine:
            ended = links.finished(machine.started_at, machine.scale)
            self._boots[machine.name] = (ended, *self._boots.get(machine.name, ()))[:11]
            self._change(machine.name, status=Status.RUNNING, ready_seconds=boot.total(machine.scale),
                         mounts=links.mounted("reverse-sshfs"), forwards=machine.forwards or links.PORTS[2:4],
                         evidence=("host agent answers on ha.sock",))

    def _print(self, name: str, said: str) -> None:
        files.append_serial(self._directory(name), said)

    def _change(self, name: str, **fields: Any) -> None:
        self._machines[name] = replace(self._get(name), **fields)
        self.poke()

    def _get(self, name: str) -> Machine:
        if name not in self._machines:
            raise NotFoundError(f"instance `{name}` does not exist", hint="`limatui list` shows those that do")
        return self._machines[name]

    def _directory(self, name: str) -> Path:
        return files.prepare(Path(self.home), self._get(name), self.now())

    def _line(self, name: str) -> Line:
        return self._lines.setdefault(name, Line(name))

    async def _pause(self, until: float | None = None) -> None:
        booting = any(each.status is Status.STARTING for each in self._machines.values())
        rest = (BOOT_TICK if booting else self.interval) if until is None else max(0.01, until - self.now())
        event = asyncio.Event()
        self._wake.add(event)
        try:
            async with asyncio.timeout(rest if self._frozen is None else None):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            self._wake.discard(event)
