"""The whole engine as one small class: watch the fleet, run verbs as jobs, answer questions about files."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from limacore.base.units import parse_size
from limacore.config.validate import check_text
from limacore.engine.console import SerialConsole, hold
from limacore.engine.jobs import Jobs, Update, Work
from limacore.engine.observe import Observer
from limacore.lifecycle import change, create, remove, start, stop
from limacore.lifecycle.guard import existing
from limacore.model.config import Problem
from limacore.model.event import Event
from limacore.model.instance import Fleet
from limacore.model.job import Job, Progress
from limacore.model.logfile import LogFile
from limacore.paths import HomePaths
from limacore.store import disks
from limacore.templates import catalog

_SERIAL = (("serial", "serial"), ("serialv", "serial virtio"), ("serialp", "serial pci"))
_EARLIER = 5


class Engine:
    """Everything the dashboard needs of one Lima home. Verbs return a job id at once; queries raise LimaError."""

    def __init__(self, home: Path | None = None, *, interval: float = 1.0) -> None:
        self._home = HomePaths(home)
        self.home = str(self._home.home)
        self._interval = interval
        self._jobs = Jobs()
        self._closed = asyncio.Event()
        self._poke = asyncio.Event()

    async def watch(self) -> AsyncIterator[Fleet]:
        """A Fleet now and whenever it differs, at most once per interval (seconds)."""
        observer, last = Observer(self._home), None
        while not self._closed.is_set():
            fleet = await observer.look()
            if fleet != last:
                last = fleet
                yield fleet
            await self._pause()

    async def _pause(self) -> None:
        self._poke.clear()
        try:
            async with asyncio.timeout(self._interval):
                await self._poke.wait()
        except TimeoutError:
            pass

    def watch_jobs(self) -> AsyncIterator[tuple[Job, ...]]:
        """All jobs now and whenever one changes, newest first."""
        return self._jobs.watch()

    def start(self, name: str) -> int:
        """Start an instance."""
        return self._submit("start", name, f"limatui start {name}", lambda update: self._start(name, update))

    async def _start(self, name: str, update: Update) -> None:
        await start.start(self._home, name, report=update, on_event=lambda event: _step(event, update))

    def stop(self, name: str, *, force: bool = False) -> int:
        """Stop an instance; `force` kills it."""
        command = f"limatui stop {'-f ' if force else ''}{name}"
        return self._submit("stop", name, command,
                            lambda update: stop.stop(self._home, name, force=force, report=update))

    def restart(self, name: str) -> int:
        """Stop, then start."""

        async def work(update: Update) -> None:
            await stop.stop(self._home, name, report=update)
            await self._start(name, update)

        return self._submit("restart", name, f"limatui restart {name}", work)

    def create(self, name: str, template: str, *, start: bool = True, cpus: int | None = None,
               memory: str | None = None, disk: str | None = None) -> int:
        """Create an instance from a template, and start it unless told otherwise."""
        wanted = {"cpus": cpus, "memory": memory, "disk": disk}
        changes: dict[str, object] = {key: value for key, value in wanted.items() if value is not None}
        options = "".join(f" --{key}={_flag(value)}" for key, value in changes.items())
        verb = "start" if start else "create"

        async def work(update: Update) -> None:
            locator = template if ":" in template or "/" in template else f"template:{template}"
            await create.create(self._home, name, locator, report=update, changes=changes)
            self._poke.set()
            if start:
                await self._start(name, update)

        return self._submit("create", name, f"limatui {verb} --name={name}{options} template:{template}", work)

    def delete(self, name: str, *, force: bool = False) -> int:
        """Delete an instance; `force` also when it runs."""
        command = f"limatui delete {'-f ' if force else ''}{name}"
        return self._submit("delete", name, command,
                            lambda update: remove.delete(self._home, name, force=force, report=update))

    def protect(self, name: str, on: bool) -> int:
        """Set or lift the protection against removal."""
        verb, act = ("protect", change.protect) if on else ("unprotect", change.unprotect)
        return self._submit(verb, name, f"limatui {verb} {name}", lambda _: asyncio.to_thread(act, self._home, name))

    def create_disk(self, name: str, size: str, *, format: str = "qcow2") -> int:
        """Create an additional disk."""
        command = f"limatui disk create {name} --size {size} --format {format}"
        return self._submit("disk create", name, command,
                            lambda _: asyncio.to_thread(disks.create, self._home, name, size, format))

    def delete_disk(self, name: str) -> int:
        """Delete an additional disk."""
        return self._submit("disk delete", name, f"limatui disk delete {name}",
                            lambda _: asyncio.to_thread(disks.delete, self._home, name))

    def cancel(self, job: int) -> None:
        """Cancel a job; it undoes what it began."""
        self._jobs.cancel(job)

    def templates(self) -> tuple[str, ...]:
        """Names for `create`."""
        return catalog.names(self._home)

    def log_files(self, name: str) -> tuple[LogFile, ...]:
        """The logs that exist now: this boot's first."""
        paths = existing(self._home, name)
        now = [LogFile(label, paths.serial(kind, "log")) for kind, label in _SERIAL]
        agent = [LogFile("host agent", paths.ha_stderr, json=True), LogFile("events", paths.ha_stdout, json=True)]
        earlier = [LogFile(f"serial {count} back", paths.earlier(paths.serial_log, count))
                   for count in range(1, _EARLIER + 1)]
        return tuple(log for log in (now[0], *agent, *now[1:], *earlier) if log.path.exists())

    def console(self, name: str, source: str = "serial") -> AbstractAsyncContextManager[SerialConsole]:
        """Hold a serial console; raises LockedError naming the holder, StateError when it does not run."""
        return hold(existing(self._home, name), source)

    def read_config(self, name: str) -> str:
        """The text of lima.yaml."""
        return existing(self._home, name).lima_yaml.read_text()

    def check_config(self, name: str, text: str) -> tuple[Problem, ...]:
        """Every problem of a lima.yaml text."""
        return check_text(text, self._home.instance(name).lima_yaml, self._home)

    def save_config(self, name: str, text: str, *, expected: str) -> None:
        """Write lima.yaml if it still reads `expected`."""
        change.save_config(self._home, name, text, expected=expected)
        self._poke.set()

    def shell_argv(self, name: str) -> tuple[str, ...]:
        """The command that opens a shell in a real terminal."""
        return (sys.executable, "-m", "limatui", "shell", name)

    async def close(self) -> None:
        """End watches and jobs; VMs go on."""
        self._closed.set()
        self._poke.set()
        await self._jobs.close()

    def _submit(self, verb: str, name: str, command: str, work: Work) -> int:
        async def tell_after(update: Update) -> None:
            try:
                await work(update)
            finally:
                self._poke.set()

        return self._jobs.submit(verb, name, command, tell_after)


def _flag(value: object) -> str:
    """The command line counts sizes in GiB."""
    return f"{parse_size(value) / 2**30:g}" if isinstance(value, str) else str(value)


def _step(event: Event, update: Update) -> None:
    step = event.status.step
    if step and step.state == "active":
        update(Progress(step.name, step.detail))
