"""What the dashboard polls: a home that goes away is told, not taken for an empty one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from limacore.engine import Engine
from limacore.errors import HostError
from tests.instances import make_instance


async def test_a_home_that_goes_away_is_told_and_followed_again_when_it_is_back(lima_home: Path) -> None:
    make_instance(lima_home, "one")
    engine = Engine()
    engine.interval = 0.01
    fleets = engine.watch()
    assert [each.name for each in (await anext(fleets)).instances] == ["one"]
    shutil.move(lima_home, lima_home.with_name("away"))
    with pytest.raises(HostError, match="is gone"):
        async for fleet in fleets:
            assert fleet.instances, "an empty list would look true"
    with pytest.raises(HostError, match="is gone"):
        await anext(engine.watch())
    shutil.move(lima_home.with_name("away"), lima_home)
    assert [each.name for each in (await anext(engine.watch())).instances] == ["one"]
    await engine.close()


async def test_a_home_that_was_never_there_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMA_HOME", str(tmp_path / "none"))
    assert (await anext(Engine().watch())).instances == ()
