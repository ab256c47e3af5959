"""`disk` as a user calls it, where the recordings of the reference have no case."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from limacore.cli.dispatch import run
from limacore.paths import HomePaths
from limacore.store import disklocks, disks


@pytest.fixture
def home(lima_home: Path) -> HomePaths:
    return HomePaths(lima_home)


def _instance(home: HomePaths, name: str, extra: str = "") -> Path:
    folder = home.home / name
    folder.mkdir()
    (folder / "lima.yaml").write_text(f"images: [{{location: /i}}]\nvmType: qemu\n{extra}")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "disk", "3G"], cwd=folder, check=True)
    return folder


def test_main_disks_are_listed_on_request(home: HomePaths, capsys: pytest.CaptureFixture[str]) -> None:
    folder = _instance(home, "vm")
    disks.create(home, "d", "1MiB", "raw")
    disklocks.lock(home, "d", folder)
    assert run(["disk", "list", "--all"], "limactl") == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows == [["NAME", "SIZE", "FORMAT", "DIR", "IN-USE-BY"],
                    ["d", "1MiB", "raw", str(home.disks / "d"), "vm"], ["vm", "3GiB", "qcow2", str(folder), "vm"]]
    assert run(["disk", "list", "--all", "--json", "vm"], "limactl") == 0
    assert json.loads(capsys.readouterr().out) == {
        "name": "vm", "size": 3 << 30, "format": "qcow2", "dir": str(folder), "instance": "vm",
        "instanceDir": str(folder), "mountPoint": "/", "main": True}
    assert run(["disk", "list", "--json"], "limactl") == 0
    assert json.loads(capsys.readouterr().out)["instanceDir"] == str(folder)


def test_a_disk_that_is_listed_is_passed_over(home: HomePaths, capsys: pytest.CaptureFixture[str]) -> None:
    _instance(home, "vm", "additionalDisks: [d]\n")
    for name in ("d", "e"):
        disks.create(home, name, "1MiB")
    assert run(["disk", "delete", "d", "e"], "limactl") == 0
    told = capsys.readouterr().err
    assert "Skipping deleting disk `d`, disk is referenced by one or more non-running instances: [`vm`]" in told
    assert "To delete anyway, run `limactl disk delete --force d`" in told
    assert [disk.name for disk in disks.list_additional(home)] == ["d"]
    assert run(["disk", "delete", "-f", "d"], "limactl") == 0


def test_unlocking(home: HomePaths, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("held", "free"):
        disks.create(home, name, "1MiB")
    disklocks.lock(home, "held", home.home / "gone")
    capsys.readouterr()
    assert run(["disk", "unlock", "nosuch", "free", "held"], "limactl") == 0
    told = capsys.readouterr().err
    assert "Ignoring non-existent disk `nosuch`" in told
    assert "Ignoring unlocked disk `free`" in told
    assert f"Unlocked disk `held` (`{home.disks}/held`)" in told
    assert not disks.inspect(home, "held").holder


def test_a_locked_disk_ends_the_command(home: HomePaths, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b", "c"):
        disks.create(home, name, "1MiB")
    disklocks.lock(home, "b", home.home / "gone")
    assert run(["disk", "delete", "a", "b", "c"], "limactl") == 1
    assert "cannot delete disk `b` in use by instance `gone`" in capsys.readouterr().err
    assert [disk.name for disk in disks.list_additional(home)] == ["b", "c"]
