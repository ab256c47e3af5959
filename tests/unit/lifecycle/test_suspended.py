"""What a suspended instance is to every other verb; the disk and the state in it are real."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from limacore.base import qcowsnapshots
from limacore.config.load import load
from limacore.errors import StateError, UsageError
from limacore.lifecycle import archive, clone, edit, power, remove, shell, snapshots, stop
from limacore.lifecycle.suspended import drop_state
from limacore.model.instance import Status
from limacore.model.suspension import TAG, Suspension
from limacore.paths import HomePaths, InstancePaths
from limacore.store import suspension
from limacore.store.scan import inspect
from tests.unit.lifecycle.instances import make, qemu_img, quiet


@pytest.fixture
def paths(home: HomePaths) -> InstancePaths:
    """The suspended instance `a`."""
    found = make(home, disk="overlay")
    qemu_img("snapshot", "-c", TAG, "disk", cwd=found.dir)
    found.cidata.write_bytes(b"seed")
    config = load(found.lima_yaml, home).config
    assert config is not None
    suspension.write(found, Suspension(at=1.0, machine=(), config=suspension.digest_of_config(config),
                                       seed=suspension.seed_of(found), iid="i", ssh_port=1))
    return found


def test_it_says_so_and_limactl_would_say_stopped(home: HomePaths, paths: InstancePaths) -> None:
    found = inspect(home, "a")
    assert (found.status, found.status.limactl_word) == (Status.SUSPENDED, "Stopped")
    assert not found.status.is_up
    assert any("suspended.json" in each for each in found.evidence)


def test_a_disk_that_somebody_wrote_to_makes_it_a_stopped_one(home: HomePaths, paths: InstancePaths) -> None:
    subprocess.run(["qemu-io", "-c", "write 512k 64k", str(paths.disk)], check=True, capture_output=True)
    assert inspect(home, "a").status is Status.STOPPED


async def test_its_disk_is_not_copied(home: HomePaths, paths: InstancePaths, tmp_path: Path) -> None:
    for verb in (clone.clone, clone.rename):
        with pytest.raises(StateError, match="it is suspended"):
            await verb(home, "a", "b", report=quiet)
    with pytest.raises(StateError, match="cannot export"):
        await archive.export(home, "a", tmp_path / "a.tar.zst", report=quiet)
    assert suspension.is_held(paths)


async def test_its_state_is_no_snapshot(home: HomePaths, paths: InstancePaths) -> None:
    assert await snapshots.listing(home, "a") == ()
    assert await snapshots.table(home, "a") == ""
    await snapshots.create(home, "a", "mine")
    assert [each.tag for each in await snapshots.listing(home, "a")] == ["mine"]
    assert suspension.is_held(paths), "a snapshot of the disk costs no memory"
    with pytest.raises(StateError, match="cannot apply a snapshot"):
        await snapshots.apply(home, "a", "mine")
    for act in (snapshots.create, snapshots.apply, snapshots.delete):
        with pytest.raises(UsageError, match="keeps the memory"):
            await act(home, "a", TAG)


async def test_stop_gives_the_memory_up_only_by_force(home: HomePaths, paths: InstancePaths, told: list[str]) -> None:
    with pytest.raises(StateError, match="cannot stop instance `a`: it is suspended"):
        await stop.stop(home, "a", report=quiet)
    await stop.stop(home, "a", force=True, report=quiet)
    assert inspect(home, "a").status is Status.STOPPED
    assert qcowsnapshots.tags(paths.disk) == ()
    assert any("was given up" in line for line in told)
    await drop_state(inspect(home, "a"), paths, home)


async def test_it_can_be_deleted(home: HomePaths, paths: InstancePaths) -> None:
    await remove.delete(home, "a", report=quiet)
    assert not paths.dir.exists()


def test_an_edit_tells_what_it_costs(home: HomePaths, paths: InstancePaths, told: list[str]) -> None:
    edit.apply(home, "a", ".cpus = 3")
    assert any("its memory is lost" in line for line in told)


async def test_there_is_no_machine_to_ask(home: HomePaths, paths: InstancePaths) -> None:
    with pytest.raises(StateError, match="is suspended, run"):
        shell.entered(home, "a")
    for act in (power.pause, power.resume):
        with pytest.raises(StateError, match="is `Suspended`"):
            await act(home, "a")
    with pytest.raises(StateError, match="is `Suspended`"):
        await power.memory(home, "a")
    with pytest.raises(StateError, match="is `Suspended`"):
        await power.suspend(home, "a", report=quiet)
