"""Additional disks with the real qemu-img and real holders."""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from limacore.errors import AlreadyExistsError, HostError, LimaError, LockedError, NotFoundError, StateError, UsageError
from limacore.paths import HomePaths
from limacore.store import disklocks, diskmaking, disks
from tests.instances import named


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
    assert disklocks.lock(home, "d", one) == home.disks / "d" / "datadisk"
    assert (home.disks / "d" / "in_use_by").readlink() == one
    assert disklocks.lock(home, "d", one), "a lock of our own is left from a crash"
    assert not disklocks.unlock(home, "d", other)
    with pytest.raises(LockedError, match="cannot delete disk `d` in use by instance `one`"):
        disks.delete(home, "d")
    assert disklocks.unlock_all(home, other) == ()
    assert disklocks.unlock_all(home, one) == ("d",)
    assert disklocks.lock(home, "d", other)
    disks.delete(home, "d", force=True)
    with pytest.raises(NotFoundError):
        disklocks.lock(home, "d", one)


def test_the_lock_of_a_dead_instance_is_taken_over_and_that_of_a_running_one_is_not(
    home: HomePaths, lima_home: Path
) -> None:
    disks.create(home, "d", "1MiB")
    one, other = lima_home / "one", lima_home / "other"
    one.mkdir()
    with holder(one):
        disklocks.lock(home, "d", one)
        with pytest.raises(LockedError, match="disk `d` is in use by instance `one`"):
            disklocks.lock(home, "d", other)
    assert disklocks.lock(home, "d", other), "it crashed"
    assert (home.disks / "d" / "in_use_by").readlink() == other


CLAIM = """
import sys
from pathlib import Path
from limacore.errors import LockedError
from limacore.paths import HomePaths
from limacore.store import disklocks
home, name = HomePaths(Path(sys.argv[1])), sys.argv[2]
sys.stdin.readline()
try:
    disklocks.lock(home, "d", home.home / name)
    print("mine")
except LockedError:
    print("theirs")
sys.stdin.readline()
"""


def test_of_many_that_find_a_dead_holder_one_takes_over(home: HomePaths, lima_home: Path) -> None:
    disks.create(home, "d", "1MiB")
    (home.disks / "d/in_use_by").symlink_to(lima_home / "dead")
    children = []
    for number in range(6):
        folder = lima_home / f"i{number}"
        folder.mkdir()
        child = subprocess.Popen([sys.executable, "-c", CLAIM, str(lima_home), folder.name, str(folder / "disk")],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        (folder / "ha.pid").write_text(str(child.pid))
        children.append(child)
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    words = [child.stdout.readline() for child in children if child.stdout]
    for child in children:
        child.communicate("end\n")
    assert sorted(words) == ["mine\n", *["theirs\n"] * 5]
    assert (home.disks / "d/in_use_by").readlink() == lima_home / f"i{words.index('mine' + chr(10))}"


@contextlib.contextmanager
def holder(folder: Path) -> Iterator[None]:
    """A process that is provably the machine of the instance in `folder`."""
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()", f"{folder}/disk"],
                             stdin=subprocess.PIPE)
    named(child, folder)
    (folder / "qemu.pid").write_text(str(child.pid))
    try:
        yield
    finally:
        child.communicate()


def test_a_running_holder_is_respected_even_by_force(home: HomePaths, lima_home: Path) -> None:
    disks.create(home, "d", "1MiB")
    folder = lima_home / "vm"
    folder.mkdir()
    disklocks.lock(home, "d", folder)
    with holder(folder):
        assert disks.inspect(home, "d").holder_alive
        with pytest.raises(LockedError, match="running"):
            disks.delete(home, "d", force=True)
        with pytest.raises(LockedError, match="cannot resize disk `d` used by running instance `vm`"):
            disks.resize(home, "d", "2MiB")
        with pytest.raises(LockedError, match="Cannot unlock disk `d` used by running instance `vm`"):
            disks.release(home, "d")
    assert not disks.inspect(home, "d").holder_alive
    disks.release(home, "d")
    with pytest.raises(StateError, match="not locked"):
        disks.release(home, "d")
    with pytest.raises(NotFoundError):
        disks.release(home, "nosuch")


@pytest.mark.parametrize("kind", ["qcow2", "raw"])
def test_resize_only_grows(home: HomePaths, kind: str) -> None:
    disks.create(home, "d", "2MiB", kind)
    assert disks.resize(home, "d", "3MiB").size == 3 << 20
    assert disks.resize(home, "d", "3MiB").size == 3 << 20
    assert disks.resize(home, "d", str((3 << 20) + 1)).size == (3 << 20) + 512
    with pytest.raises(UsageError, match=r"specified size `1MiB` is less than the current disk size `3MiB`\. Disk"):
        disks.resize(home, "d", "1MiB")
    with pytest.raises(NotFoundError, match="disk `nosuch` does not exists"):
        disks.resize(home, "nosuch", "1MiB")


def test_import_is_sparse_and_leaves_the_source(home: HomePaths, tmp_path: Path) -> None:
    raw = tmp_path / "raw.img"
    with raw.open("wb") as file:
        file.truncate(64 << 20)
        file.seek(32 << 20)
        file.write(b"data")
    made = disks.import_(home, "r", raw)
    copy = Path(made.dir) / "datadisk"
    assert (made.format, made.size) == ("raw", 64 << 20)
    assert made.allocated < 1 << 20
    assert copy.read_bytes() == raw.read_bytes()
    assert copy.stat().st_ino != raw.stat().st_ino
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "q.img", "3M"], cwd=tmp_path, check=True)
    assert disks.import_(home, "q", str(tmp_path / "q.img")).size == 3 << 20
    with pytest.raises(AlreadyExistsError):
        disks.import_(home, "q", raw)


def test_what_cannot_be_imported(home: HomePaths, tmp_path: Path) -> None:
    def image(kind: str, *words: str) -> Path:
        subprocess.run(["qemu-img", "create", "-q", "-f", kind, *words, f"x.{kind}", "3M"], cwd=tmp_path, check=True)
        return tmp_path / f"x.{kind}"

    with pytest.raises(UsageError, match="disk format `vmdk` not supported, use `qcow2` or `raw` instead"):
        disks.import_(home, "v", image("vmdk"))
    base = image("raw")
    with pytest.raises(UsageError, match="needs another file"):
        disks.import_(home, "o", image("qcow2", "-b", str(base), "-F", "raw"))
    with pytest.raises(NotFoundError, match=r"open nosuch\.img: no such file or directory"):
        disks.import_(home, "n", "nosuch.img")
    with pytest.raises(UsageError, match="is a directory"):
        disks.import_(home, "y", tmp_path)
    with pytest.raises(UsageError, match="identifier `bad/name` must match"):
        disks.import_(home, "bad/name", base)
    assert disks.list_additional(home) == ()


def test_a_failed_import_leaves_nothing(home: HomePaths, tmp_path: Path) -> None:
    source = tmp_path / "big.img"
    source.write_bytes(b"x" * (1 << 20))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))  # writing more fails as on a full disk
    try:
        with pytest.raises(HostError, match="cannot write"):
            disks.import_(home, "d", source)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(home.disks.iterdir()) == []


def test_what_a_killed_command_left_is_swept(home: HomePaths) -> None:
    left = home.disks / ".create-d-999999"
    left.mkdir(parents=True)
    (left / "datadisk").touch()
    assert disks.list_additional(home) == ()
    disks.create(home, "d", "1MiB")
    assert [path.name for path in home.disks.iterdir()] == ["d"]


def test_what_is_no_disk_is_listed_with_the_reason(home: HomePaths) -> None:
    (home.disks / "empty").mkdir(parents=True)
    (home.disks / "afile").touch()
    for name in ("text", "bad name"):
        (home.disks / name).mkdir()
        (home.disks / name / "datadisk").write_text("hello")
    (home.disks / "cut").mkdir()
    (home.disks / "cut/datadisk").write_bytes(b"QFI\xfb\0\0\0\3")
    found = {each.name: each for each in disks.list_additional(home)}
    assert (found["text"].size, found["text"].format, found["text"].error) == (5, "raw", "")
    assert found["afile"].error == f"stat {home.disks}/afile/datadisk: not a directory"
    assert found["empty"].error == f"stat {home.disks}/empty/datadisk: no such file or directory"
    assert found["bad name"].error.startswith("identifier `bad name` must match")
    assert "damaged" in found["cut"].error
    with pytest.raises(NotFoundError):
        disks.delete(home, "empty")
    disks.delete(home, "empty", force=True)
    assert not (home.disks / "empty").exists()


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


def test_a_disk_that_came_meanwhile_is_kept(home: HomePaths) -> None:
    folder = home.data_disk("d")
    with pytest.raises(AlreadyExistsError, match="already exists"), diskmaking.staged(folder, 0o700) as stage:
        (stage / "datadisk").write_bytes(b"late")
        folder.mkdir()
        (folder / "datadisk").write_bytes(b"first")
    assert (folder / "datadisk").read_bytes() == b"first"
    assert [each.name for each in home.disks.iterdir()] == ["d"]
