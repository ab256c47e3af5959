"""The doctor behind the dashboard: findings of the fleet, what a repair would do, one repair at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from limacore.engine import Engine
from limacore.engine.observe import Observer
from limacore.errors import NotFoundError
from limacore.model.instance import Status
from limacore.model.job import JobState
from tests.unit.health.conftest import House, event, only


@pytest.fixture
def house(lima_home: Path) -> House:
    lima_home.chmod(0o700)
    return House(lima_home)


@pytest.fixture
async def engine(lima_home: Path) -> AsyncIterator[Engine]:
    made = Engine(lima_home)
    yield made
    await made.close()


async def ended(engine: Engine, job: int) -> tuple[JobState, str]:
    async for jobs in engine.watch_jobs():
        one = next(each for each in jobs if each.id == job)
        if one.state is not JobState.RUNNING:
            return one.state, one.error
    raise AssertionError("the engine closed")


async def test_the_fleet_tells_why_an_instance_does_not_get_up(house: House) -> None:
    paths = house.add()
    event(paths, '{"exiting":true}')
    paths.serial_log.write_text("x\nNo bootable device.\n")
    fleet = await Observer(house.paths).look()
    assert fleet.instances[0].status is Status.STOPPED
    assert [each.evidence for each in fleet.instances[0].findings] == [("serial.log:2: No bootable device.",)]
    event(paths, '{"running":true}')
    assert (await Observer(house.paths).look()).instances[0].findings == ()


async def test_one_finding_is_repaired_and_another_left(house: House, engine: Engine) -> None:
    paths = house.add()
    for name in ("ha.pid", "ha.sock"):
        (paths.dir / name).write_text("4194303\n")
    found = await engine.findings("a")
    stale = only(found, "pid-stale")
    assert engine.planned((stale,)) == (f"remove `{paths.ha_pid}`",)
    assert paths.ha_pid.exists(), "a plan does nothing"
    assert (await ended(engine, engine.repair("a", stale)))[0] is JobState.DONE
    assert not paths.ha_pid.exists() and paths.ha_sock.exists()
    state, error = await ended(engine, engine.repair("a", stale))
    assert state is JobState.FAILED and "right by now" in error


async def test_everything_or_one(house: House, engine: Engine) -> None:
    house.add("a")
    (house.add("b").dir / "ha.pid").write_text("4194303\n")
    assert {each.subject for each in await engine.findings("b")} == {"instance b"}
    assert "instance b" in {each.subject for each in await engine.findings()}
    with pytest.raises(NotFoundError):
        await engine.findings("c")
