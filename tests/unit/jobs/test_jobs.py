"""Jobs: they progress, tell, end, fail with a hint, undo when cancelled, and can be begun again."""

from __future__ import annotations

import asyncio

import pytest

from limacore.base import notice
from limacore.errors import HostError, LimaError
from limacore.jobs import Jobs, Update, advanced
from limacore.model.instance import Step
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
    assert [(step.name, step.state) for step in job.steps] == [("image", "done"), ("disk", "done")]
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


async def test_what_the_engine_tells_belongs_to_its_job_in_threads_too() -> None:
    jobs = Jobs(lambda: 1000.0)

    def in_thread() -> None:
        notice.warning("cannot reach the mirror", url="http://x")

    async def work(update: Update) -> None:
        notice.debug("not for users")
        notice.info("Attempting to download the image", location="http://x", arch="x86_64")
        await asyncio.to_thread(in_thread)

    async def other(update: Update) -> None:
        await asyncio.sleep(0)
        notice.error("something else")

    one, two = jobs.submit("create", "a", "", work), jobs.submit("create", "b", "", other)
    told = {number: (await last(jobs, number, JobState.DONE)).log for number in (one, two)}
    notice.info("outside of any job")
    assert [(line.level, line.text) for line in told[one]] == [
        ("info", "Attempting to download the image arch=x86_64 location=http://x"),
        ("warning", "cannot reach the mirror url=http://x")]
    assert [line.text for line in told[two]] == ["something else"]
    assert told[one][0].at == 1000.0


async def test_a_log_keeps_its_end() -> None:
    jobs = Jobs()

    async def work(update: Update) -> None:
        for number in range(500):
            notice.info(f"line {number}")

    log = (await last(jobs, jobs.submit("start", "a", "", work), JobState.DONE)).log
    assert len(log) == 200 and log[-1].text == "line 499"


async def test_again_begins_the_same_once_more() -> None:
    jobs, runs = Jobs(), 0

    async def work(update: Update) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise HostError("no space")

    first = jobs.submit("create", "a", "limatui create a", work)
    assert jobs.again(first) == first, "it runs still"
    await last(jobs, first, JobState.FAILED)
    second = jobs.again(first)
    job = await last(jobs, second, JobState.DONE)
    assert second != first and (job.title, job.command) == ("create a", "limatui create a")
    with pytest.raises(LimaError, match="not remembered"):
        jobs.again(999)


async def test_a_plan_shows_what_is_to_come_and_forgets_what_was_not_needed() -> None:
    jobs, go = Jobs(), asyncio.Event()

    async def work(update: Update) -> None:
        update(Progress("kernel", "6.12"))
        await go.wait()

    number = jobs.submit("start", "a", "", work, ("image", "kernel", "ssh", "scripts"))
    assert [step.state for step in jobs.snapshot()[0].steps] == ["pending"] * 4
    await asyncio.sleep(0)
    steps = jobs.snapshot()[0].steps
    assert [(each.name, each.state) for each in steps] == [
        ("kernel", "active"), ("ssh", "pending"), ("scripts", "pending")]
    go.set()
    assert [each.name for each in (await last(jobs, number, JobState.DONE)).steps] == ["kernel"]


async def test_a_flood_of_reports_reaches_watchers_as_a_few_looks() -> None:
    jobs = Jobs()

    async def work(update: Update) -> None:
        for number in range(2000):
            update(Progress("image", "", number / 2000, number, 2000))
            if number % 20 == 0:
                await asyncio.sleep(0)

    number, looks = jobs.submit("create", "a", "", work), 0
    async for snapshot in jobs.watch():
        looks += 1
        if snapshot[0].state is JobState.DONE:
            break
    assert looks < 20 and number == 1


async def test_a_report_from_a_thread_is_put_in_order() -> None:
    jobs = Jobs()

    async def work(update: Update) -> None:
        await asyncio.to_thread(update, Progress("disk", "half", 0.5))
        update(Progress("disk", "all", 1.0))

    job = await last(jobs, jobs.submit("create", "a", "", work), JobState.DONE)
    assert job.detail == "disk all"


@pytest.mark.parametrize(("progress", "seconds", "rate", "eta"), [
    (Progress("image", "", 0.25, 250, 1000, 50.0, 15.0), 9.0, 50.0, 15.0),
    (Progress("image", "", 0.25, 250, 1000), 5.0, 50.0, 15.0),
    (Progress("image", "", 0.25, 250, 1000), 0.5, 0.0, None),
    (Progress("image", "", None, 250), 5.0, 50.0, None),
    (Progress("image", ""), 5.0, 0.0, None),
])
def test_rate_and_time_left_are_worked_out_where_they_can_be(
        progress: Progress, seconds: float, rate: float, eta: float | None) -> None:
    job = advanced(Job(1, "create", "a"), progress, seconds)
    assert (job.rate, job.eta, job.done) == (rate, eta, progress.done)


def test_steps_of_a_reporter_that_knows_them_are_taken() -> None:
    steps = (Step("image", "done"), Step("disk", "active", seconds=2.0))
    assert advanced(Job(1, "start", "a"), Progress("disk", steps=steps), 5.0).steps == steps
