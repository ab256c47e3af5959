"""What is gone on from at a start, what is given up, and what is said about it; disks are real."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from limacore.base import qcowsnapshots
from limacore.hostagent.setup import resumable
from limacore.model.config import Config
from limacore.model.suspension import TAG, Suspension
from limacore.paths import HomePaths, InstancePaths
from limacore.store import suspension

pytestmark = pytest.mark.skipif(not shutil.which("qemu-img"), reason="qemu-img is not installed")


class Log:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, level: str, message: str) -> None:
        self.lines.append((level, message))


@pytest.fixture
def paths(tmp_path: Path) -> InstancePaths:
    """An instance whose disk holds a state."""
    found = HomePaths(tmp_path).instance("i")
    found.dir.mkdir()
    for words in (("create", "-f", "qcow2", found.disk, "1M"), ("snapshot", "-c", TAG, found.disk)):
        subprocess.run(["qemu-img", *map(str, words)], check=True, capture_output=True)
    found.cidata.write_bytes(b"seed")
    return found


def _record(paths: InstancePaths) -> Suspension:
    return Suspension(at=1.0, machine=("7.2",), config=suspension.digest_of_config(Config()),
                      seed=suspension.seed_of(paths), iid="iid-1", ssh_port=1)


async def _found(paths: InstancePaths) -> tuple[Suspension | None, list[tuple[str, str]]]:
    log = Log()
    return await resumable(paths, HomePaths(paths.dir.parent), Config(), log), log.lines


async def test_a_state_that_fits_is_taken_and_stays_until_the_guest_runs(paths: InstancePaths) -> None:
    suspension.write(paths, _record(paths))
    assert await _found(paths) == (_record(paths), [])
    assert suspension.is_held(paths)


async def test_without_a_record_the_room_is_given_back_in_silence(paths: InstancePaths) -> None:
    assert await _found(paths) == (None, [])
    assert qcowsnapshots.tags(paths.disk) == ()


@pytest.mark.parametrize(("content", "said"), [(b"{", "cannot be read"), (b"", "cannot be read")])
async def test_a_damaged_record_is_given_up_with_a_warning(paths: InstancePaths, content: bytes, said: str) -> None:
    paths.suspended.write_bytes(content)
    found, lines = await _found(paths)
    assert found is None
    assert [level for level, _ in lines] == ["warning"]
    assert said in lines[0][1]
    assert not suspension.exists(paths)
    assert qcowsnapshots.tags(paths.disk) == ()


async def test_another_seed_is_given_up_with_a_warning(paths: InstancePaths) -> None:
    suspension.write(paths, _record(paths))
    paths.cidata.write_bytes(b"tampered")
    found, lines = await _found(paths)
    assert found is None
    assert "the guest boots: `cidata.iso`" in lines[0][1]
    assert not suspension.exists(paths)
