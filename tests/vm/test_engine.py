"""The engine as the dashboard uses it, on a real machine: jobs, the fleet, rates, the console, what is inside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from limacore.engine import Engine
from limacore.model.instance import Fleet, Instance, Status
from limacore.model.job import Job, JobState
from tests.vm.conftest import BOOT_LIMIT, Cli, left_behind


async def seen(engine: Engine, name: str, true: Callable[[Instance], object]) -> Instance:
    """The first observation of an instance that is as wanted."""
    async with asyncio.timeout(BOOT_LIMIT):
        async for fleet in engine.watch():
            instance = fleet.get(name)
            if instance and true(instance):
                return instance
    raise AssertionError("the engine closed")


async def ended(engine: Engine, number: int) -> Job:
    """The job when it is over."""
    async with asyncio.timeout(BOOT_LIMIT):
        async for jobs in engine.watch_jobs():
            job = next(each for each in jobs if each.id == number)
            if job.state is not JobState.RUNNING:
                return job
    raise AssertionError("the engine closed")


async def test_a_machine_through_the_engine(cli: Cli) -> None:
    engine = Engine(cli.home, interval=0.2)
    created = engine.create("t", "tiny", start=True, memory="640MiB")
    starting = await seen(engine, "t", lambda each: each.status is Status.STARTING and each.steps)
    assert starting.memory == 640 << 20
    job = await ended(engine, created)
    assert job.state is JobState.DONE, job
    assert job.command == "limatui start --name=t --memory=0.625 template:tiny"

    inside = await seen(engine, "t", lambda each: each.usage.guest_memory_used and each.usage.cpu_percent)
    assert 0 < inside.usage.guest_memory_used < 640 << 20
    assert inside.usage.guest_disk_size > 3 << 30
    assert (inside.agent, inside.accel) == ("answering", "tcg")
    assert inside.ready_seconds > 0

    async with engine.console("t") as console:
        await console.write(b"\r")
        text = b""
        async with asyncio.timeout(60):
            while b"login:" not in text:
                text += await console.read()

    refused = await ended(engine, engine.delete("t"))
    assert (refused.state, "expected status `Stopped`" in refused.error) == (JobState.FAILED, True)
    assert (await ended(engine, engine.stop("t"))).state is JobState.DONE
    assert (await ended(engine, engine.delete("t"))).state is JobState.DONE
    await engine.close()
    assert not left_behind(cli.home)


async def test_cancelling_a_start_undoes_it(tiny: Cli) -> None:
    engine = Engine(tiny.home, interval=0.2)
    number = engine.start("t")
    await seen(engine, "t", lambda each: each.driver_pid)
    engine.cancel(number)
    assert (await ended(engine, number)).state is JobState.CANCELLED
    stopped: Instance = await seen(engine, "t", lambda each: each.status is Status.STOPPED)
    assert not stopped.driver_pid
    await engine.close()
    assert not left_behind(tiny.home)


async def test_what_another_tool_does_is_seen(tiny: Cli) -> None:
    engine = Engine(tiny.home, interval=0.2)
    await asyncio.to_thread(tiny, "protect", "t")
    assert (await seen(engine, "t", lambda each: each.protected)).protected
    fleets: list[Fleet] = []
    async for fleet in engine.watch():
        fleets.append(fleet)
        break
    assert [disk.holder for disk in fleets[0].disks if disk.main] == ["t"]
    await engine.close()
