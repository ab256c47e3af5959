"""Jobs of one engine: each runs as a task, is seen as a frozen value, can be cancelled, begun again, and ends."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from limacore.errors import LimaError
from limacore.jobs.heard import hearing
from limacore.model.instance import Step
from limacore.model.job import Job, JobState, LogLine, Progress

Update = Callable[[Progress], None]
Work = Callable[[Update], Awaitable[object]]
_KEPT = 100
_LINES = 200
"""Lines of log that a job keeps."""
_FRAME = 0.05
"""Seconds between two looks of a watcher: a download reports each of its pieces."""
_TICK = 1.0
"""Seconds after which a running job is told again, because its time goes on."""
_SETTLED = 1.0
"""Seconds before a rate that nobody told can be worked out."""


class Wish(Struct, frozen=True):
    """What was asked for: enough to begin it again. `plan` names the steps that are expected, in order."""

    verb: str
    target: str
    command: str
    work: Work
    plan: tuple[str, ...] = ()


class Jobs:
    """Runs work and tells watchers; newest first. `clock` tells epoch seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._jobs: dict[int, Job] = {}
        self._wishes: dict[int, Wish] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._closed = False

    def submit(self, verb: str, target: str, command: str, work: Work, plan: Sequence[str] = ()) -> int:
        """Begin `work` as a task and return the id of its job."""
        return self._begin(Wish(verb, target, command, work, tuple(plan)))

    def again(self, number: int) -> int:
        """Begin the same once more; returns the id of the new job, or `number` while the old one runs."""
        wish, job = self._wishes.get(number), self._jobs.get(number)
        if wish is None or job is None:
            raise LimaError("that job is not remembered any more")
        return number if job.state is JobState.RUNNING else self._begin(wish)

    def _begin(self, wish: Wish) -> int:
        number = max(self._jobs, default=0) + 1
        self._wishes[number] = wish
        self._set(Job(id=number, verb=wish.verb, target=wish.target, command=wish.command, started_at=self._clock(),
                      steps=tuple(Step(name) for name in wish.plan)))
        task = asyncio.get_running_loop().create_task(self._run(number, wish.work), name=f"{wish.verb} {wish.target}")
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
        now = self._clock()
        return tuple(
            replace(job, seconds=now - job.started_at) if job.state is JobState.RUNNING else job
            for job in reversed(self._jobs.values())
        )

    async def watch(self) -> AsyncIterator[tuple[Job, ...]]:
        """The jobs now, after each change, and once a second while one runs; ends when closed."""
        while True:
            changed = self._changed
            yield self.snapshot()
            if self._closed:
                return
            await asyncio.sleep(_FRAME)
            await _wait(changed, _TICK if self._tasks else None)

    def poke(self) -> None:
        """Tell the watchers that time went on."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def close(self) -> None:
        """Cancel what runs and wait for its end."""
        self._closed = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.poke()

    async def _run(self, number: int, work: Work) -> None:
        at_home = _in_loop()
        try:
            with hearing(partial(at_home, self._say, number)):
                await work(partial(at_home, self._progress, number))
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
        if job.state is JobState.RUNNING:
            self._set(advanced(job, progress, self._clock() - job.started_at))

    def _say(self, number: int, level: str, text: str) -> None:
        job = self._jobs.get(number)
        if job is not None:
            line = LogLine(self._clock(), level, text)
            self._set(replace(job, log=(*job.log, line)[-_LINES:]))

    def _end(self, number: int, state: JobState, error: str = "", hint: str = "") -> None:
        job = self._jobs[number]
        done = 1.0 if state is JobState.DONE else job.progress
        self._set(replace(job, state=state, seconds=self._clock() - job.started_at, error=error, hint=hint,
                          progress=done, rate=0.0, eta=None, steps=_ended(job.steps, state)))

    def _set(self, job: Job) -> None:
        self._jobs[job.id] = job
        for old in list(self._jobs)[: max(0, len(self._jobs) - _KEPT)]:
            if self._jobs[old].state is not JobState.RUNNING:
                del self._jobs[old], self._wishes[old]
        self.poke()


def _in_loop() -> Callable[..., None]:
    """Calls a function at once in this thread, from any other one soon; nothing after the loop has ended."""
    loop, thread = asyncio.get_running_loop(), threading.get_ident()

    def call(act: Callable[..., None], *arguments: object) -> None:
        if threading.get_ident() == thread:
            act(*arguments)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(act, *arguments)

    return call


async def _wait(event: asyncio.Event, seconds: float | None) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


def advanced(job: Job, progress: Progress, seconds: float) -> Job:
    """The job after a report, `seconds` after it began; a rate that is not told is worked out where it can be."""
    steps = progress.steps or _advance(job.steps, progress, seconds)
    spent = next((step.seconds for step in steps if step.name == progress.step), 0.0)
    rate, eta = progress.rate, progress.eta
    if not rate and progress.done and spent >= _SETTLED:
        rate = progress.done / spent
    if eta is None and rate > 0 and progress.total:
        eta = max(0.0, (progress.total - progress.done) / rate)
    detail = f"{progress.step} {progress.detail}".strip()
    return replace(job, detail=detail, progress=progress.fraction, seconds=seconds,
                   steps=steps, done=progress.done, total=progress.total, rate=rate, eta=eta)


def _advance(steps: tuple[Step, ...], progress: Progress, seconds: float) -> tuple[Step, ...]:
    """The step named by `progress` is active, those begun before it are done; `seconds` since the job began.

    A step of the plan that was passed over goes: it was not needed.
    """
    begun = [step for step in steps if step.state != "pending"]
    waiting = [step for step in steps if step.state == "pending"]
    names = [step.name for step in waiting]
    if begun and begun[-1].name == progress.step:
        begun.pop()
    if progress.step in names:
        waiting = waiting[names.index(progress.step) + 1:]
    before = tuple(replace(step, state="done") for step in begun)
    spent = max(0.0, seconds - sum(step.seconds for step in before))
    return (*before, Step(progress.step, "active", progress.detail, spent), *waiting)


def _ended(steps: tuple[Step, ...], state: JobState) -> tuple[Step, ...]:
    """What was active when the job ended is done, or is what failed; what never began is left out of a success."""
    if state is not JobState.DONE:
        return tuple(replace(step, state="failed") if step.state == "active" else step for step in steps)
    return tuple(replace(step, state="done") for step in steps if step.state != "pending")
