"""The demo engine: answers what the real engine answers, for machines that exist only here."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from limacore.base.files import write_atomic
from limacore.base.units import parse_size
from limacore.drivers.demo import boot, check, files, world
from limacore.drivers.demo.console import DemoConsole, Line
from limacore.drivers.demo.jobs import Jobs, Report
from limacore.drivers.demo.world import Machine
from limacore.errors import AlreadyExistsError, NotFoundError, ProtectedError, StateError
from limacore.model.config import Problem
from limacore.model.disk import DataDisk
from limacore.model.instance import Fleet, Status
from limacore.model.job import Job
from limacore.model.logfile import LogFile
from limacore.paths import check_instance_name

_TICK = 1.0
_BOOT_TICK = 0.25
_STOP_SECONDS = 2.0


class DemoEngine:
    """`count` machines; with `frozen` (epoch seconds) the clock stands still until `advance`."""

    def __init__(self, count: int = 5, *, frozen: float | None = None, label: str = "demo") -> None:
        self.home = tempfile.mkdtemp(prefix="limatui-demo-")
        self._label = label
        self._frozen = frozen
        self._wake: set[asyncio.Event] = set()
        self._lines: dict[str, Line] = {}
        self._printed: dict[str, float] = {}
        self._jobs = Jobs(self.now)
        self._disks = world.extra_disks(Path(self.home))
        self._machines = {each.name: each for each in world.machines(count, self.now())}
        self.closed = False

    def now(self) -> float:
        """Epoch seconds by this engine's clock."""
        return time.time() if self._frozen is None else self._frozen

    async def advance(self, seconds: float) -> None:
        """Move a frozen clock on and let the world follow."""
        assert self._frozen is not None, "the clock of this engine runs by itself"
        self._frozen += seconds
        await self._settle()

    def poke(self) -> None:
        """Wake every watcher."""
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
            self._change(machine.name, status=Status.RUNNING, ready_seconds=boot.total(machine.scale),
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

    # --- watching

    def fleet(self) -> Fleet:
        """Everything at this moment."""
        now = self.now()
        seen = tuple(world.observe(each, Path(self.home), now) for each in self._machines.values())
        return Fleet(self._label, seen, world.disks(seen, Path(self.home), self._disks), world.host(now))

    async def watch(self) -> AsyncIterator[Fleet]:
        """A fleet now, then about once a second, faster while a machine boots."""
        last: Fleet | None = None
        while not self.closed:
            fleet = self.fleet()
            if fleet != last:
                last = fleet
                yield fleet
            await self._pause()
            if self._frozen is None:
                await self._settle()

    async def _pause(self, until: float | None = None) -> None:
        booting = any(each.status is Status.STARTING for each in self._machines.values())
        rest = (_BOOT_TICK if booting else _TICK) if until is None else max(0.01, until - self.now())
        event = asyncio.Event()
        self._wake.add(event)
        try:
            async with asyncio.timeout(rest if self._frozen is None else None):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            self._wake.discard(event)

    def watch_jobs(self) -> AsyncIterator[tuple[Job, ...]]:
        """All jobs, newest first, whenever one changes."""
        return self._jobs.watch()

    # --- verbs

    def start(self, name: str) -> int:
        """Boot a machine."""
        async def work(report: Report) -> None:
            machine = self._get(name)
            if machine.status not in (Status.STOPPED, Status.ORPHAN_QEMU, Status.ORPHAN_AGENT):
                raise StateError(f"instance `{name}` is already {machine.status.value.lower()}",
                                 hint=f"`limatui stop {name}` first")
            try:
                await self._boot(name, report)
            except asyncio.CancelledError:
                if name in self._machines:
                    self._change(name, status=Status.STOPPED, started_at=0.0)
                raise
        return self._jobs.begin("start", name, f"limatui start {name}", work)

    async def _boot(self, name: str, report: Report) -> None:
        await asyncio.to_thread(lambda: files.begin_serial(self._directory(name)))
        began = self.now()
        port = self._get(name).ssh_port or 40000 + len(name) * 17
        self._printed[name] = 0.0
        self._change(name, status=Status.STARTING, phase="", started_at=began, ssh_port=port,
                     evidence=("host agent runs, not yet ready",), errors=())
        while self._get(name).status is Status.STARTING:
            elapsed, scale = self.now() - began, self._get(name).scale
            report(boot.phase(elapsed, scale), min(0.99, elapsed / boot.total(scale)), boot.steps(elapsed, scale))
            await self._pause(self.now() + _BOOT_TICK)
            await self._boot_on(self._get(name)) if self._get(name).status is Status.STARTING else None
        if self._get(name).status is not Status.RUNNING:
            raise StateError(f"instance `{name}` was stopped before it was ready")

    def stop(self, name: str, *, force: bool = False) -> int:
        """Shut a machine down, at once with `force`."""
        async def work(report: Report) -> None:
            if not self._get(name).status.is_up and self._get(name).status is not Status.ORPHAN_AGENT:
                raise StateError(f"instance `{name}` does not run")
            await self._down(name, report, 0.0 if force else _STOP_SECONDS)
        flag = "-f " if force else ""
        return self._jobs.begin("stop", name, f"limatui stop {flag}{name}", work)

    async def _down(self, name: str, report: Report, seconds: float) -> None:
        began = self.now()
        self._change(name, status=Status.STOPPING, phase="power button pressed")
        while (elapsed := self.now() - began) < seconds:
            report("waiting for the guest", elapsed / seconds, ())
            await self._pause(began + seconds if self._frozen is None else None)
        self._line(name).hang_up()
        self._change(name, status=Status.STOPPED, phase="", started_at=0.0, errors=(),
                     evidence=("no host agent, no QEMU process",))

    def restart(self, name: str) -> int:
        """Stop, then start."""
        async def work(report: Report) -> None:
            if self._get(name).status.is_up:
                await self._down(name, report, _STOP_SECONDS)
            await self._boot(name, report)
        return self._jobs.begin("restart", name, f"limatui restart {name}", work)

    def create(self, name: str, template: str, *, start: bool = True, cpus: int | None = None,
               memory: str | None = None, disk: str | None = None) -> int:
        """A new machine from a template."""
        async def work(report: Report) -> None:
            check_instance_name(name)
            if name in self._machines:
                raise AlreadyExistsError(f"instance `{name}` already exists", hint="choose another name")
            size = parse_size(disk) if disk else 100 * world.GIB
            self._machines[name] = Machine(
                name, cpus=cpus or 2, memory=parse_size(memory) if memory else 4 * world.GIB, disk=size,
                disk_used=world.GIB, template=f"template:{template}", ready_seconds=0.0, load=12.0)
            self.poke()
            if start:
                await self._boot(name, report)
        command = f"limatui {'start' if start else 'create'} --name={name} template:{template}"
        return self._jobs.begin("create", name, command, work)

    def delete(self, name: str, *, force: bool = False) -> int:
        """Remove a machine and its files."""
        async def work(report: Report) -> None:
            machine = self._get(name)
            if machine.protected:
                raise ProtectedError(f"instance `{name}` is protected", hint=f"`limatui unprotect {name}` first")
            if machine.status.is_up and not force:
                raise StateError(f"instance `{name}` is running", hint="stop it first, or use -f")
            self._line(name).hang_up()
            await asyncio.to_thread(lambda: shutil.rmtree(self._directory(name)))
            del self._machines[name]
            self.poke()
        flag = "-f " if force else ""
        return self._jobs.begin("delete", name, f"limatui delete {flag}{name}", work)

    def protect(self, name: str, on: bool) -> int:
        """Set or lift the protection."""
        async def work(report: Report) -> None:
            self._change(name, protected=on)
        verb = "protect" if on else "unprotect"
        return self._jobs.begin(verb, name, f"limatui {verb} {name}", work)

    def create_disk(self, name: str, size: str, *, format: str = "qcow2") -> int:
        """A new additional disk."""
        async def work(report: Report) -> None:
            if any(each.name == name for each in self._disks):
                raise AlreadyExistsError(f"disk `{name}` already exists", hint="choose another name")
            made = DataDisk(name, f"{self.home}/_disks/{name}", parse_size(size), 196 << 10, format)
            self._disks = (*self._disks, made)
            self.poke()
        return self._jobs.begin("disk create", name, f"limatui disk create {name} --size {size}", work)

    def delete_disk(self, name: str) -> int:
        """Remove an additional disk that nobody uses."""
        async def work(report: Report) -> None:
            holder = next((each.holder for each in self._disks if each.name == name), "")
            if holder:
                raise StateError(f"disk `{name}` is in use by instance `{holder}`", hint="stop that instance first")
            self._disks = tuple(each for each in self._disks if each.name != name)
            self.poke()
        return self._jobs.begin("disk delete", name, f"limatui disk delete {name}", work)

    def cancel(self, job: int) -> None:
        """End a job early; what it began is undone."""
        self._jobs.cancel(job)

    # --- questions

    def templates(self) -> tuple[str, ...]:
        """Names for `create`."""
        return ("default", "tiny", "debian-13", "ubuntu-26.04", "alpine", "docker", "k8s")

    def log_files(self, name: str) -> tuple[LogFile, ...]:
        """The logs of a machine: real files."""
        return files.logs(self._directory(name))

    @asynccontextmanager
    async def console(self, name: str, source: str = "serial") -> AsyncIterator[DemoConsole]:
        """Hold the serial port; raises LockedError or StateError."""
        if not self._get(name).status.is_up:
            raise StateError(f"instance `{name}` does not run", hint=f"start it: limatui start {name}")
        directory = await asyncio.to_thread(self._directory, name)
        live = self._get(name).status is Status.RUNNING
        async with self._line(name).hold(live=live, log=lambda data: files.append_serial(directory, data)) as held:
            yield held

    def read_config(self, name: str) -> str:
        """The text of lima.yaml."""
        return (self._directory(name) / "lima.yaml").read_text("utf-8")

    def check_config(self, name: str, text: str) -> tuple[Problem, ...]:
        """What is wrong with a lima.yaml."""
        return check.problems(text)

    def save_config(self, name: str, text: str, *, expected: str) -> None:
        """Replace lima.yaml if it still reads `expected`."""
        path = self._directory(name) / "lima.yaml"
        if path.read_text("utf-8") != expected:
            raise StateError(f"`{path}` was changed by someone else", hint="reload it, then edit again")
        write_atomic(path, text)

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
