"""The jobs of the demo engine: a list of values, one task each, and a word to whoever watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from msgspec.structs import replace

from limacore.errors import LimaError
from limacore.model.instance import Step
from limacore.model.job import Job, JobState

Report = Callable[[str, float | None, tuple[Step, ...]], None]
"""`report(detail, fraction, steps)`."""

Work = Callable[[Report], Coroutine[Any, Any, None]]


class Jobs:
    """Every action of this session, newest first."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._jobs: dict[int, Job] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._watchers: set[asyncio.Event] = set()

    def all(self) -> tuple[Job, ...]:
        """The jobs, newest first, with the time they took so far."""
        return tuple(self._timed(job) for job in reversed(self._jobs.values()))

    def _timed(self, job: Job) -> Job:
        running = job.state is JobState.RUNNING
        return replace(job, seconds=round(self._now() - job.started_at, 1)) if running else job

    def begin(self, verb: str, target: str, command: str, work: Work) -> int:
        """Run `work` as a job; returns its id."""
        number = len(self._jobs) + 1
        self._jobs[number] = Job(number, verb, target, command, started_at=self._now())
        self._tasks[number] = asyncio.create_task(self._run(number, work), name=f"{verb} {target}")
        self.poke()
        return number

    async def _run(self, number: int, work: Work) -> None:
        def report(detail: str, fraction: float | None, steps: tuple[Step, ...]) -> None:
            self._set(number, detail=detail, progress=fraction, steps=steps)

        try:
            await work(report)
            self._end(number, JobState.DONE, progress=1.0)
        except LimaError as error:
            self._end(number, JobState.FAILED, error=error.message, hint=error.hint)
        except asyncio.CancelledError:
            self._end(number, JobState.CANCELLED, detail="undone")

    def _end(self, number: int, state: JobState, **fields: Any) -> None:
        took = self._now() - self._jobs[number].started_at
        self._set(number, state=state, seconds=round(took, 1), **fields)

    def _set(self, number: int, **fields: Any) -> None:
        self._jobs[number] = replace(self._jobs[number], **fields)
        self.poke()

    def cancel(self, number: int) -> None:
        """End a job early."""
        if number in self._tasks:
            self._tasks[number].cancel()

    def of(self, target: str) -> tuple[int, ...]:
        """Ids of the running jobs on a target."""
        return tuple(job.id for job in self._jobs.values() if job.target == target and job.state is JobState.RUNNING)

    def poke(self) -> None:
        """Tell the watchers that something may differ."""
        for event in self._watchers:
            event.set()

    async def watch(self) -> AsyncIterator[tuple[Job, ...]]:
        """All jobs now and whenever they differ."""
        event = asyncio.Event()
        self._watchers.add(event)
        try:
            while True:
                event.clear()
                yield self.all()
                await event.wait()
        finally:
            self._watchers.discard(event)

    async def close(self) -> None:
        """End all jobs."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
