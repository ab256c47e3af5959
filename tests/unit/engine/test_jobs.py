"""Jobs: they progress, end, fail with a hint, and undo when cancelled."""

from __future__ import annotations

import asyncio

import pytest

from limacore.engine.jobs import Jobs, Update
from limacore.errors import HostError
from limacore.model.job import Job, JobState, Progress


async def last(jobs: Jobs, number: int, *states: JobState) -> Job:
    async for snapshot in jobs.watch():
        job = next(each for each in snapshot if each.id == number)
        if job.state in states:
            return job
    raise AssertionError("closed")


async def test_a_job_tells_steps_and_ends() -> None:
    jobs = Jobs()

    async def work(update: Update) -> None:
        update(Progress("image", "cached"))
        update(Progress("disk", "4 GiB", 0.5))

    job = await last(jobs, jobs.submit("start", "a", "limatui start a", work), JobState.DONE)
    assert [(step.name, step.state) for step in job.steps] == [("image", "done"), ("disk", "active")]
    assert (job.progress, job.title, job.command) == (1.0, "start a", "limatui start a")


@pytest.mark.parametrize(
    ("error", "text", "hint"),
    [
        (HostError("no space", hint="free some", detail="ENOSPC"), "no space: ENOSPC", "free some"),
        (KeyError("x"), "KeyError: 'x'", "this is a defect of limatui"),
    ],
)
async def test_a_failure_is_told_with_its_hint(error: Exception, text: str, hint: str) -> None:
    jobs = Jobs()

    async def work(update: Update) -> None:
        raise error

    job = await last(jobs, jobs.submit("start", "a", "", work), JobState.FAILED)
    assert (job.error, job.hint) == (text, hint)


async def test_cancelling_lets_the_work_undo() -> None:
    jobs, begun, undone = Jobs(), asyncio.Event(), asyncio.Event()

    async def work(update: Update) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            undone.set()

    number = jobs.submit("start", "a", "", work)
    await begun.wait()
    jobs.cancel(number)
    assert (await last(jobs, number, JobState.CANCELLED)).state is JobState.CANCELLED
    assert undone.is_set()


async def test_close_ends_watchers_and_work() -> None:
    jobs = Jobs()
    jobs.submit("start", "a", "", lambda update: asyncio.Event().wait())
    seen = asyncio.create_task(_all(jobs))
    await asyncio.sleep(0)
    await jobs.close()
    assert (await seen)[-1][0].state is JobState.CANCELLED


async def _all(jobs: Jobs) -> list[tuple[Job, ...]]:
    return [snapshot async for snapshot in jobs.watch()]
