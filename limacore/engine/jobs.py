"""Jobs of one engine: each runs as a task, is seen as a frozen value, can be cancelled, and ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from msgspec.structs import replace

from limacore.errors import LimaError
from limacore.model.instance import Step
from limacore.model.job import Job, JobState, Progress

Update = Callable[[Progress], None]
Work = Callable[[Update], Awaitable[object]]
_KEPT = 100


class Jobs:
    """Runs work and tells watchers; newest first."""

    def __init__(self) -> None:
        self._jobs: dict[int, Job] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._closed = False

    def submit(self, verb: str, target: str, command: str, work: Work) -> int:
        """Begin `work` as a task and return the id of its job."""
        number = max(self._jobs, default=0) + 1
        self._set(Job(id=number, verb=verb, target=target, command=command, started_at=time.time()))
        task = asyncio.get_running_loop().create_task(self._run(number, work), name=f"{verb} {target}")
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._tasks.pop(number, None))
        return number

    def cancel(self, number: int) -> None:
        """Cancel a running job; its work undoes what it began."""
        task = self._tasks.get(number)
        if task:
            task.cancel()

    def snapshot(self) -> tuple[Job, ...]:
        """All jobs, newest first, seconds up to now."""
        now = time.time()
        return tuple(
            replace(job, seconds=now - job.started_at) if job.state is JobState.RUNNING else job
            for job in reversed(self._jobs.values())
        )

    async def watch(self) -> AsyncIterator[tuple[Job, ...]]:
        """The jobs now and after each change; ends when closed."""
        while True:
            changed = self._changed
            yield self.snapshot()
            if self._closed:
                return
            await changed.wait()

    async def close(self) -> None:
        """Cancel what runs and wait for its end."""
        self._closed = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tell()

    async def _run(self, number: int, work: Work) -> None:
        try:
            await work(lambda progress: self._progress(number, progress))
        except asyncio.CancelledError:
            self._end(number, JobState.CANCELLED, "cancelled")
        except LimaError as error:
            text = f"{error.message}: {error.detail}" if error.detail else error.message
            self._end(number, JobState.FAILED, text, error.hint)
        except Exception as error:  # noqa: BLE001  a job is a boundary: the dashboard shows it and goes on
            self._end(number, JobState.FAILED, f"{type(error).__name__}: {error}", "this is a defect of limatui")
        else:
            self._end(number, JobState.DONE)

    def _progress(self, number: int, progress: Progress) -> None:
        job = self._jobs[number]
        self._set(replace(job, detail=f"{progress.step} {progress.detail}".strip(), progress=progress.fraction,
                          steps=_advance(job.steps, progress, time.time() - job.started_at)))

    def _end(self, number: int, state: JobState, error: str = "", hint: str = "") -> None:
        job = self._jobs[number]
        done = 1.0 if state is JobState.DONE else job.progress
        seconds = time.time() - job.started_at
        self._set(replace(job, state=state, seconds=seconds, error=error, hint=hint, progress=done))

    def _set(self, job: Job) -> None:
        self._jobs[job.id] = job
        for old in list(self._jobs)[: max(0, len(self._jobs) - _KEPT)]:
            if self._jobs[old].state is not JobState.RUNNING:
                del self._jobs[old]
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _advance(steps: tuple[Step, ...], progress: Progress, seconds: float) -> tuple[Step, ...]:
    """The step named by `progress` is active, those before it are done; `seconds` since the job began."""
    earlier = sum(step.seconds for step in steps[:-1])
    if steps and steps[-1].name == progress.step:
        return (*steps[:-1], replace(steps[-1], detail=progress.detail, seconds=seconds - earlier))
    ended = tuple(replace(step, state="done") for step in steps)
    spent = sum(step.seconds for step in ended)
    return (*ended, Step(progress.step, "active", progress.detail, max(0.0, seconds - spent)))
