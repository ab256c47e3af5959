"""Several at once: really at once, told in order, errors together."""

from __future__ import annotations

import asyncio

import pytest

from limacore.base import notice
from limacore.errors import LimaError, NotFoundError, StateError
from limacore.lifecycle import many


async def test_work_overlaps_and_lines_do_not(told: list[str]) -> None:
    started: list[str] = []
    everyone = asyncio.Event()

    async def work(name: str) -> None:
        notice.info(f"{name} 1")
        started.append(name)
        if len(started) == 3:
            everyone.set()
        await everyone.wait()  # ends only when all three run
        await asyncio.to_thread(notice.info, f"{name} 2")
        await asyncio.sleep({"a": 0.03, "b": 0.0, "c": 0.01}[name])
        notice.info(f"{name} 3")

    assert await asyncio.wait_for(many.each(["a", "b", "c"], work), 10) == ()
    assert told == [f"info {name} {number}" for name in "abc" for number in (1, 2, 3)]


async def test_the_first_is_heard_at_once(told: list[str]) -> None:
    async def work(name: str) -> None:
        notice.info(name)
        if name == "a":
            assert told == ["info a"]
            await asyncio.sleep(0.01)

    await many.each(["a", "b"], work)
    assert told == ["info a", "info b"]


async def test_lines_that_are_told_at_once_bear_the_name(told: list[str]) -> None:
    turn = asyncio.Event()

    async def work(name: str) -> None:
        notice.info("1")
        if name == "b":
            turn.set()
        await turn.wait()
        await asyncio.to_thread(notice.warning, "2 %s")

    assert await asyncio.wait_for(many.each(["a", "b"], work, live=True), 10) == ()
    assert told[:2] == ["info a: 1", "info b: 1"]
    assert sorted(told[2:]) == ["warning a: 2 %s", "warning b: 2 %s"]


async def test_errors_are_collected_in_order(told: list[str]) -> None:
    async def work(name: str) -> None:
        if name == "b":
            await asyncio.sleep(0.01)
        if name != "c":
            raise NotFoundError(f"no {name}", detail="gone", hint="look")
        notice.info("c done")

    errors = await many.each(["b", "a", "c"], work)
    assert [error.message for error in errors] == ["no b", "no a"]
    assert told == ["info c done"]
    with pytest.raises(LimaError) as caught:
        many.require_none(errors)
    assert (caught.value.message, caught.value.hint) == ("no b: gone\nno a: gone", "look")


def test_a_single_error_stays_what_it_is() -> None:
    many.require_none(())
    with pytest.raises(StateError):
        many.require_none((StateError("x"),))


async def test_a_name_given_twice_is_done_once() -> None:
    done: list[str] = []

    async def work(name: str) -> None:
        done.append(name)

    await many.each(["a", "b", "a"], work)
    assert sorted(done) == ["a", "b"]


async def test_a_cancelled_one_cancels_all() -> None:
    ended: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(name)

    task = asyncio.create_task(many.each(["a", "b"], work))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(ended) == ["a", "b"]
