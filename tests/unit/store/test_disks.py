"""Additional disks with the real qemu-img and real holders."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from limacore.errors import AlreadyExistsError, HostError, LimaError, LockedError, NotFoundError, UsageError
from limacore.paths import HomePaths
from limacore.store import disks


@pytest.fixture
def home(lima_home: Path) -> HomePaths:
    return HomePaths(lima_home)


@pytest.mark.parametrize("kind", ["qcow2", "raw"])
def test_create_list_delete(home: HomePaths, kind: str) -> None:
    made = disks.create(home, "d", "10MiB", kind)
    assert (made.size, made.format, made.holder, made.error) == (10 << 20, kind, "", "")
    argv = ["qemu-img", "info", "--output=json", f"{made.dir}/datadisk"]
    assert json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)["format"] == kind
    assert disks.list_all(home) == (made,)
    with pytest.raises(AlreadyExistsError):
        disks.create(home, "d", "10MiB")
    disks.delete(home, "d")
    assert disks.list_all(home) == ()
    with pytest.raises(NotFoundError):
        disks.delete(home, "d")


@pytest.mark.parametrize(
    ("name", "size", "kind"),
    [("../x", "1GiB", "qcow2"), ("", "1GiB", "raw"), ("d", "lots", "raw"), ("d", "0", "raw"), ("d", "1GiB", "vmdk"),
     ("a" * 77, "1GiB", "raw")],
)
def test_refused(home: HomePaths, name: str, size: str, kind: str) -> None:
    with pytest.raises(UsageError):
        disks.create(home, name, size, kind)
    assert disks.list_all(home) == ()


def test_a_failed_create_leaves_nothing(home: HomePaths) -> None:
    with pytest.raises(HostError):
        disks.create(home, "d", "8000PiB")  # more than qemu-img can address
    assert not (home.disks / "d").exists()


def test_locks(home: HomePaths, lima_home: Path) -> None:
    disks.create(home, "d", "1MiB")
    one, other = lima_home / "one", lima_home / "other"
    one.mkdir()
    assert disks.lock(home, "d", one) == home.disks / "d" / "datadisk"
    assert (home.disks / "d" / "in_use_by").readlink() == one
    assert disks.lock(home, "d", one), "a lock of our own is left from a crash"
    with pytest.raises(LockedError, match="in use by instance `one`"):
        disks.lock(home, "d", other)
    assert not disks.unlock(home, "d", other)
    with pytest.raises(LockedError, match="locked"):
        disks.delete(home, "d")
    assert disks.unlock_all(home, other) == ()
    assert disks.unlock_all(home, one) == ("d",)
    assert disks.lock(home, "d", other)
    disks.delete(home, "d", force=True)
    with pytest.raises(NotFoundError):
        disks.lock(home, "d", one)


def test_a_running_holder_is_respected_even_by_force(home: HomePaths, lima_home: Path) -> None:
    disks.create(home, "d", "1MiB")
    folder = lima_home / "vm"
    folder.mkdir()
    disks.lock(home, "d", folder)
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()", f"{folder}/disk"],
                             stdin=subprocess.PIPE)
    (folder / "qemu.pid").write_text(str(child.pid))
    try:
        assert disks.inspect(home, "d").holder_alive
        with pytest.raises(LockedError, match="running"):
            disks.delete(home, "d", force=True)
    finally:
        child.communicate()
    assert not disks.inspect(home, "d").holder_alive


def test_a_listed_disk_is_not_deleted(home: HomePaths, lima_home: Path) -> None:
    disks.create(home, "d", "1MiB")
    (lima_home / "vm").mkdir()
    (lima_home / "vm/lima.yaml").write_text("images: [{location: /i}]\nadditionalDisks: [d]\n")
    with pytest.raises(LockedError, match="`vm`"):
        disks.delete(home, "d")
    disks.delete(home, "d", force=True)


def test_main_disks_and_broken_ones_are_listed(home: HomePaths, lima_home: Path) -> None:
    (lima_home / "vm").mkdir()
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(lima_home / "vm/diffdisk"), "3G"], check=True)
    (home.disks / "empty").mkdir(parents=True)
    found = {each.name: each for each in disks.list_all(home)}
    assert found["vm"].main
    assert (found["vm"].size, found["vm"].holder) == (3 << 30, "vm")
    assert found["empty"].error


def test_an_unwritable_home(home: HomePaths, lima_home: Path) -> None:
    home.disks.write_text("a file where a directory should be")
    with pytest.raises(LimaError):
        disks.create(home, "d", "1MiB")
