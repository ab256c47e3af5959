"""What is remembered of boots: the newest eleven, for as long as the instance is the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from limacore.model.boot import Boot
from limacore.model.instance import Step
from limacore.paths import HomePaths, InstancePaths
from limacore.store import boots


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InstancePaths:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    found = HomePaths(tmp_path).instance("a")
    found.dir.mkdir()
    found.lima_version.write_text("2.0.0")
    return found


def test_the_newest_are_kept(paths: InstancePaths) -> None:
    assert boots.read(paths) == ()
    for number in range(15):
        boots.add(paths, Boot(float(number), 10.0 + number, (Step("kernel", "done", "6.1", 3.0),), "tcg"))
    assert [each.at for each in boots.read(paths)] == [float(number) for number in range(14, 3, -1)]
    assert boots.read(paths)[0].steps[0].seconds == 3.0


def test_another_instance_of_the_same_name_begins_anew(paths: InstancePaths) -> None:
    boots.add(paths, Boot(1.0, 10.0))
    os.utime(paths.lima_version, (5, 5))
    assert boots.read(paths) == ()
    boots.add(paths, Boot(2.0, 11.0))
    assert [each.at for each in boots.read(paths)] == [2.0]


def test_what_is_gone_is_forgotten(paths: InstancePaths, tmp_path: Path) -> None:
    other = HomePaths(tmp_path).instance("b")
    other.dir.mkdir()
    boots.add(other, Boot(1.0, 10.0))
    other.dir.rmdir()
    boots.add(paths, Boot(2.0, 11.0))
    assert len(list((tmp_path / "state").rglob("*.json"))) == 1 and boots.read(paths)


def test_what_cannot_be_read_or_written_is_no_error(paths: InstancePaths, tmp_path: Path) -> None:
    boots.add(paths, Boot(1.0, 10.0))
    file = next((tmp_path / "state").rglob("*.json"))
    file.write_text("{")
    assert boots.read(paths) == ()
    (tmp_path / "elsewhere").write_text("")
    os.environ["XDG_STATE_HOME"] = str(tmp_path / "elsewhere")
    boots.add(paths, Boot(1.0, 10.0))
    assert boots.read(paths) == ()
