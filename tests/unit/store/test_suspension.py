"""Whether a suspended state still fits, and how its room is given back; the disks are real."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from msgspec import structs

from limacore.base import qcowsnapshots
from limacore.model.config import AdditionalDisk, Config
from limacore.model.suspension import TAG, Suspension
from limacore.paths import HomePaths, InstancePaths
from limacore.store import suspension

pytestmark = pytest.mark.skipif(not shutil.which("qemu-img"), reason="qemu-img is not installed")
CONFIG = Config(additional_disks=(AdditionalDisk(name="data"),))


def _run(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


@pytest.fixture
def paths(tmp_path: Path) -> InstancePaths:
    """An instance with an overlay and an additional disk, both with a state in them, and a seed."""
    home = HomePaths(tmp_path)
    found = home.instance("i")
    found.dir.mkdir()
    data = home.data_disk("data")
    data.mkdir(parents=True)
    for disk in (found.diffdisk, data / "datadisk"):
        _run("qemu-img", "create", "-f", "qcow2", disk, "64M")
        _run("qemu-img", "snapshot", "-c", TAG, disk)
    found.disk.symlink_to("diffdisk")
    found.cidata.write_bytes(b"seed")
    return found


def _record(paths: InstancePaths) -> Suspension:
    return Suspension(at=1.0, machine=("7.2", "qemu"), config=suspension.digest_of_config(CONFIG),
                      seed=suspension.seed_of(paths), iid="iid-1", ssh_port=60022, dns_ports=(1, 2))


def _why(paths: InstancePaths, record: Suspension, config: Config = CONFIG) -> str:
    return suspension.why_not(record, paths, HomePaths(paths.dir.parent), config)


def test_a_record_comes_back_as_it_was(paths: InstancePaths) -> None:
    assert suspension.read(paths) is None
    suspension.write(paths, _record(paths))
    assert suspension.exists(paths)
    assert suspension.read(paths) == _record(paths)
    assert paths.suspended.stat().st_mode & 0o777 == 0o600
    suspension.forget(paths)
    suspension.forget(paths)
    assert not suspension.exists(paths)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'{"at": "x"}'])
def test_a_damaged_record_is_none(paths: InstancePaths, content: bytes) -> None:
    paths.suspended.write_bytes(content)
    assert suspension.exists(paths)
    assert suspension.read(paths) is None


def test_a_record_of_another_format_is_none(paths: InstancePaths) -> None:
    suspension.write(paths, structs.replace(_record(paths), format=2))
    assert suspension.read(paths) is None


def test_what_has_not_changed_fits(paths: InstancePaths) -> None:
    assert _why(paths, _record(paths)) == ""


def test_what_has_changed_is_named(paths: InstancePaths) -> None:
    record = _record(paths)
    assert "configuration" in _why(paths, record, structs.replace(CONFIG, cpus=7))
    paths.cidata.write_bytes(b"other")
    assert "cidata.iso" in _why(paths, record)
    paths.cidata.unlink()
    assert "no such file" in _why(paths, record)


@pytest.mark.parametrize("disk", ["i/diffdisk", "_disks/data/datadisk"])
def test_a_disk_that_was_written_to_is_named(paths: InstancePaths, disk: str) -> None:
    record = _record(paths)
    _run("qemu-io", "-c", "write 1M 64k", paths.dir.parent / disk)
    assert "was changed since" in _why(paths, record)


async def test_the_room_is_given_back_in_every_disk(paths: InstancePaths) -> None:
    home = HomePaths(paths.dir.parent)
    _run("qemu-img", "snapshot", "-c", "mine", paths.diffdisk)
    await suspension.clean(paths, home, CONFIG)
    assert qcowsnapshots.tags(paths.disk) == ("mine",)
    assert qcowsnapshots.tags(home.data_disk("data") / "datadisk") == ()
    (home.data_disk("data") / "datadisk").unlink()
    await suspension.clean(paths, home, CONFIG)
    assert "is gone" in _why(paths, _record(paths))
