"""Between engine and dashboard: the one place that awaits the engine's streams and puts what comes into the app.

Every string of a guest or of a disk passes `sanitize_line` here, before anything else sees it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from itertools import chain
from typing import Any, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from limacore.model.instance import Fleet, Instance
from limacore.model.job import Job
from limatui.api import EngineApi
from limatui.history import History
from limatui.notices import Notice, happened
from limatui.sanitize import sanitize_line
from limatui.tail import tail
from limatui.turns import give_way, in_pieces

_AS_IS = frozenset({"config", "dir"})
"""Fields that are used, not shown: a path must keep its bytes."""
_KEPT_NOTICES = 200

S = TypeVar("S", bound=Struct)


class Audience(Protocol):
    """What the bridge needs of the app."""

    fleet: Any
    jobs: Any
    trouble: Any

    def heard(self, news: tuple[Notice, ...]) -> None:
        """Something happened since the last look."""


class Bridge:
    """Follows one engine for one app."""

    def __init__(self, engine: EngineApi, app: Audience, clock: Callable[[], float]) -> None:
        self.engine = engine
        self.history = History()
        self.notices: tuple[Notice, ...] = ()
        self.clock = clock
        self._app = app
        self._cleaned: dict[str, tuple[Instance, Instance]] = {}
        self._told: dict[int, tuple[Job, Job]] = {}
        self._begun = asyncio.Event()

    async def first_fleet(self, seconds: float) -> None:
        """Wait until a fleet is known, or so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._begun.wait()

    async def follow_fleet(self) -> None:
        """Until the engine closes."""
        async for raw in self.engine.watch():
            await self._prepare(raw)
            fleet = self.clean_fleet(raw)
            await give_way()
            now = self.clock()
            self.history.add(fleet, now)
            await give_way()
            before: Fleet = self._app.fleet
            news = tuple(chain(*await in_pieces(happened(before if before.home else None, fleet, now))))
            self.notices = (*reversed(news), *self.notices)[:_KEPT_NOTICES]
            await give_way()
            self._app.fleet = fleet
            self._app.trouble = ""
            self._begun.set()
            if before.home and news:
                self._app.heard(news)

    async def _prepare(self, raw: Fleet) -> None:
        """Make a thousand instances safe in pieces: all at once holds keys up for 40 ms."""
        for seen, safe in zip(raw.instances, await in_pieces(map(self._instance, raw.instances)), strict=True):
            self._cleaned[seen.name] = (seen, safe)

    async def follow_jobs(self) -> None:
        """Until the engine closes."""
        async for jobs in self.engine.watch_jobs():
            self._told = {job.id: self._job(job) for job in jobs}
            self._app.jobs = tuple(safe for _, safe in self._told.values())

    async def follow(self) -> None:
        """Both streams."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.follow_fleet(), name="fleet")
            group.create_task(self.follow_jobs(), name="jobs")

    def clean_fleet(self, raw: Fleet) -> Fleet:
        """The fleet with every shown string made safe; unchanged instances stay the same objects."""
        instances = tuple(self._instance(each) for each in raw.instances)
        self._cleaned = {seen.name: (seen, safe) for seen, safe in zip(raw.instances, instances, strict=True)}
        return Fleet(sanitize_line(raw.home), instances, tuple(clean(each) for each in raw.disks), raw.host)

    def _job(self, raw: Job) -> tuple[Job, Job]:
        """A job and what is shown of it: the log of one that has not changed is not gone through again."""
        known = self._told.get(raw.id)
        return known if known and known[0] == raw else (raw, clean(raw))

    def _instance(self, raw: Instance) -> Instance:
        known = self._cleaned.get(raw.name)
        return known[1] if known and (known[0] is raw or known[0] == raw) else clean(raw)

    async def serial_tail(self, name: str, lines: int) -> tuple[str, ...]:
        """The last lines of the serial log, safe to show."""
        return await asyncio.to_thread(self._tail, name, lines)

    def _tail(self, name: str, lines: int) -> tuple[str, ...]:
        logs = self.engine.log_files(name)
        return tail(logs[0].path, lines) if logs else ()


def clean(value: S) -> S:
    """The struct with its strings made safe, those in tuples and inner structs too; the same object if all were."""
    changed = {}
    for field in value.__struct_fields__:
        if field in _AS_IS:
            continue
        old = getattr(value, field)
        new = _clean(old)
        if new is not old:
            changed[field] = new
    return replace(value, **changed) if changed else value


def _clean(value: Any) -> Any:
    if type(value) is str:
        return sanitize_line(value)
    if isinstance(value, tuple):
        new = tuple(_clean(each) for each in value)
        return value if all(a is b for a, b in zip(new, value, strict=True)) else new
    return clean(value) if isinstance(value, Struct) else value
