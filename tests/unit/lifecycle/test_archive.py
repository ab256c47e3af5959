"""Export and import: the same instance comes back, other tools read the file, and nothing hostile comes in."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from backports import zstd

from limacore.base import sparsetar
from limacore.base.files import locked
from limacore.base.host import host
from limacore.base.sparsetar import Member
from limacore.errors import AlreadyExistsError, HostError, ImageError, LimaError, NotFoundError, StateError
from limacore.lifecycle import manifest
from limacore.lifecycle.archive import export, self_contained
from limacore.lifecycle.manifest import Entry, Manifest
from limacore.lifecycle.moving import misfits, moved_text, moves
from limacore.lifecycle.unarchive import import_
from limacore.model.config import Config, Image, Mount
from limacore.model.job import Progress
from limacore.paths import HomePaths
from tests.instances import named

YAML = """\
# mine
images:
- location: {home}/image.qcow2
  arch: x86_64
vmType: qemu
arch: x86_64
disk: 64MiB
mounts: []
portForwards:
- guestSocket: /run/x.sock
  hostSocket: "{home}/a/sock/x.sock"  # stays beside it
"""


def quiet(progress: Progress) -> None:
    pass


def run(*argv: object, stdin: bytes = b"") -> bytes:
    return subprocess.run([str(word) for word in argv], check=True, capture_output=True, input=stdin).stdout


def qemu_img(*words: object) -> None:
    run("qemu-img", *words)


@contextlib.contextmanager
def process_of(pid_file: Path) -> Iterator[None]:
    """A process that a pid file names, and that names the pid file, as a machine does."""
    machine = subprocess.Popen(["sh", "-c", "sleep 60; exit", str(pid_file)])
    try:
        named(machine, pid_file)
        pid_file.write_text(f"{machine.pid}\n")
        yield
    finally:
        machine.kill()
        machine.wait()


@pytest.fixture
def home(lima_home: Path) -> HomePaths:
    """A home with the stopped instance `a`: overlay over base, as we make them, and what a run leaves behind."""
    folder = lima_home / "a"
    folder.mkdir(mode=0o700)
    (folder / "lima.yaml").write_text(YAML.format(home=lima_home))
    (folder / "lima-version").write_text("2.2.0")
    (folder / "lima-version").chmod(0o444)
    qemu_img("create", "-f", "qcow2", folder / "basedisk", "32M")
    qemu_img("create", "-f", "qcow2", "-F", "qcow2", "-b", "basedisk", folder / "diffdisk", "64M")
    qemu_img("bench", "-w", "-c", "40", "-s", "65536", "--pattern=7", "-f", "qcow2", folder / "diffdisk")
    (folder / "disk").symlink_to("diffdisk")
    (folder / "kernel").write_bytes(os.urandom(5000))
    (folder / "swtpm").mkdir()
    (folder / "swtpm" / "tpm2-00.permall").write_bytes(b"state")
    for name in ("ha.stderr.log", "serial.log", "ssh.config", "cidata.iso", "cloud-config.yaml", "protected", "x.tmp",
                 "vz-identifier", "ansible-inventory.yaml", ".secret", "mine.txt"):
        (folder / name).write_text("left")
    (lima_home / "_config").mkdir()
    return HomePaths(lima_home)


def contents(folder: Path) -> dict[str, bytes | str]:
    return {
        str(path.relative_to(folder)): f"-> {path.readlink()}" if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*")) if not path.is_dir()
    }  # fmt: skip


CARRIED = ["basedisk", "diffdisk", "disk", "kernel", "lima-version", "lima.yaml", "swtpm/tpm2-00.permall"]


async def test_an_instance_comes_back_as_it_was(home: HomePaths, tmp_path: Path) -> None:
    seen: list[Progress] = []
    file = await export(home, "a", tmp_path, report=seen.append)
    assert file == tmp_path / "a.tar.zst"
    assert file.stat().st_mode & 0o777 == 0o600
    await asyncio.sleep(0)
    assert seen[-1].done == seen[-1].total > 0
    paths = await import_(home, file, "b", report=seen.append)
    before, after = contents(home.home / "a"), contents(paths.dir)
    assert sorted(set(after) - {"cloud-config.yaml"}) == CARRIED
    for name in set(CARRIED) - {"lima.yaml"}:
        assert after[name] == before[name], name
    assert (paths.dir / "disk").readlink() == Path("diffdisk")
    assert (paths.dir / "lima-version").stat().st_mode & 0o777 == 0o444
    assert paths.lima_yaml.read_text() == YAML.format(home=home.home).replace(f"{home.home}/a/", f"{home.home}/b/")
    qemu_img("check", paths.disk)
    assert sorted(each.name for each in home.home.iterdir() if each.name.startswith(".")) == []


async def test_tar_and_zstd_read_the_file(home: HomePaths, tmp_path: Path) -> None:
    raw = home.home / "a" / "diffdisk"
    raw.unlink()
    with raw.open("wb") as file:
        file.seek(40 << 20)
        file.write(b"middle")
        file.truncate(64 << 20)
    archive = await export(home, "a", tmp_path / "x.tar.zst", report=quiet)
    tar = run("zstd", "-dc", archive)
    assert len(tar) < 1 << 20
    with tarfile.open(fileobj=io.BytesIO(tar)) as found:
        assert found.getnames()[:2] == ["a/manifest.json", "a/lima.yaml"]
        listed = json.loads(found.extractfile("a/manifest.json").read())  # type: ignore[union-attr]
    kernel = next(each for each in listed["entries"] if each["name"] == "kernel")
    assert kernel["sha256"] == hashlib.sha256((home.home / "a/kernel").read_bytes()).hexdigest()
    out = tmp_path / "out"
    out.mkdir()
    run("tar", "x", "-C", out, stdin=tar)
    assert (out / "a/diffdisk").read_bytes() == raw.read_bytes()
    assert (out / "a/diffdisk").stat().st_blocks < 1000


async def test_huge_holes_cost_no_time_and_no_space(home: HomePaths, tmp_path: Path) -> None:
    disk = home.home / "a" / "diffdisk"
    disk.unlink()
    with disk.open("wb") as file:
        file.truncate(200 << 30)
        file.seek(150 << 30)
        file.write(bytes(1 << 20) + b"data")
    file_ = await export(home, "a", tmp_path, report=quiet)
    assert file_.stat().st_size < 100_000
    paths = await import_(home, file_, "b", report=quiet)
    assert paths.diffdisk.stat().st_size == 200 << 30
    assert paths.diffdisk.stat().st_blocks < 2000
    with paths.diffdisk.open("rb") as copy:
        copy.seek((150 << 30) + (1 << 20))
        assert copy.read(5) == b"data\0"


async def test_a_disk_with_parts_elsewhere_is_joined(home: HomePaths, tmp_path: Path) -> None:
    folder = home.home / "a"
    outside = tmp_path / "outside.qcow2"
    (folder / "basedisk").rename(outside)
    qemu_img("rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", outside, folder / "diffdisk")
    assert not self_contained(folder, "disk")
    file = await export(home, "a", tmp_path, report=quiet)
    paths = await import_(home, file, "b", report=quiet)
    assert not paths.diffdisk.exists() and not paths.disk.is_symlink()
    assert self_contained(paths.dir, "disk")
    qemu_img("compare", folder / "disk", paths.disk)


async def test_refusals_leave_nothing(home: HomePaths, tmp_path: Path) -> None:
    async def refused(kind: type[LimaError], work: Any) -> None:
        with pytest.raises(kind):
            await work
        assert [path.name for path in tmp_path.iterdir()] == ["taken.tar.zst"]

    taken = tmp_path / "taken.tar.zst"
    taken.write_text("mine")
    await refused(AlreadyExistsError, export(home, "a", taken, report=quiet))
    await refused(NotFoundError, export(home, "nosuch", tmp_path, report=quiet))
    await refused(HostError, export(home, "a", tmp_path / "no/such/dir", report=quiet))
    await refused(ImageError, import_(home, taken, report=quiet))
    await refused(NotFoundError, import_(home, tmp_path / "none", report=quiet))
    assert taken.read_text() == "mine"
    assert [each.name for each in home.home.iterdir() if each.name.startswith(".")] == []


async def test_export_of_a_running_instance_is_refused(home: HomePaths, tmp_path: Path) -> None:
    with process_of(home.home / "a" / "qemu.pid"), pytest.raises(StateError, match="expected status `Stopped`"):
        await export(home, "a", tmp_path, report=quiet)


async def test_import_takes_no_name_that_is_there(home: HomePaths, tmp_path: Path) -> None:
    file = await export(home, "a", tmp_path, report=quiet)
    with pytest.raises(AlreadyExistsError):
        await import_(home, file, report=quiet)
    with pytest.raises(LimaError):
        await import_(home, file, "../x", report=quiet)


async def test_cancelled_export_and_import_leave_nothing(home: HomePaths, tmp_path: Path) -> None:
    (home.home / "a" / "kernel").write_bytes(os.urandom(80 << 20))

    async def cancelled(start: Callable[[Callable[[Progress], None]], Any]) -> None:
        begun = asyncio.Event()
        task = asyncio.ensure_future(start(lambda progress: begun.set()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    await cancelled(lambda report: export(home, "a", tmp_path, report=report))
    assert list(tmp_path.iterdir()) == []
    file = await export(home, "a", tmp_path, report=quiet)
    await cancelled(lambda report: import_(home, file, "b", report=report))
    assert [each.name for each in home.home.iterdir() if each.name.startswith(("b", "."))] == []


async def test_what_a_killed_export_left_goes_with_the_next(home: HomePaths, tmp_path: Path) -> None:
    (home.home / "a" / "kernel").write_bytes(os.urandom(80 << 20))
    script = ("import asyncio, os, signal, sys\n"
              "from pathlib import Path\n"
              "from limacore.lifecycle.archive import export\n"
              "from limacore.paths import HomePaths\n"
              "end = lambda progress: os.kill(os.getpid(), signal.SIGKILL)\n"
              "asyncio.run(export(HomePaths(Path(sys.argv[1])), 'a', Path(sys.argv[2]), report=end))\n")
    victim = await asyncio.create_subprocess_exec(sys.executable, "-c", script, home.home, tmp_path)
    assert await victim.wait() == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    held = tmp_path / ".limatui-export-of-another"
    held.mkdir()
    with locked(held):
        await export(home, "a", tmp_path / "y.tar.zst", report=quiet)
    assert sorted(each.name for each in tmp_path.iterdir()) == [held.name, "y.tar.zst"]


async def test_every_damage_is_noticed(home: HomePaths, tmp_path: Path) -> None:
    raw = (await export(home, "a", tmp_path, report=quiet)).read_bytes()
    for number, at in enumerate((0, 5, 600, len(raw) // 3, len(raw) // 2, len(raw) - 30, len(raw) - 3)):
        for bad in (raw[:at], raw[:at] + bytes([raw[at] ^ 0x41]) + raw[at + 1:]):
            file = tmp_path / f"bad{number}"
            file.write_bytes(bad)
            try:
                await import_(home, file, "b", report=quiet)
            except LimaError:
                assert not (home.home / "b").exists()
            else:  # a byte of the room that nobody reads
                assert bad != raw[:at]
                run("rm", "-r", home.home / "b")


def archive_of(path: Path, draft: Manifest, *members: tuple[Member, bytes], junk: bytes = b"", first: str = "") -> Path:
    raw = msgspec.json.encode(draft)
    whole = sparsetar.whole(len(raw))
    tar = sparsetar.header(Member(first or f"{draft.name}/manifest.json", size=len(raw), extents=whole))
    tar += sparsetar.padded(raw)
    for member, data in members:
        tar += sparsetar.header(member) + sparsetar.padded(data)
    path.write_bytes(zstd.compress(tar + sparsetar.END + junk))
    return path


def entry(name: str, data: bytes = b"", **more: Any) -> Entry:
    digest = hashlib.sha256(data).hexdigest()
    return Entry(**{"name": name, "size": len(data), "stored": len(data), "sha256": digest, **more})


def member(name: str, data: bytes = b"", **more: Any) -> tuple[Member, bytes]:
    return Member(**{"name": f"e/{name}", "size": len(data), "extents": sparsetar.whole(len(data)), **more}), data


TEXT = b"images: []\n"
LIMA = (entry("lima.yaml", TEXT), member("lima.yaml", TEXT))
PASSWD = b"QFI\xfb\0\0\0\3" + (104).to_bytes(8, "big") + (11).to_bytes(4, "big") + bytes(84) + b"/etc/passwd"


@pytest.mark.parametrize(("draft", "members"), [
    pytest.param(Manifest("e", (LIMA[0], entry(name, b"x"))), [LIMA[1], member(name, b"x")], id=name) for name in (
        "../evil", "/etc/evil", "a/../../evil", "qemu.pid", "ha.sock", "user", "ssh.config", "swtpm/../x",
        "swtpm/.lock", "protected", ".hidden", "disk/x", "lima.yaml/x", "manifest.json", "cloud-config.yaml", "", ".",
        "swtpm/")
] + [
    pytest.param(Manifest("../x", (LIMA[0],)), [LIMA[1]], id="bad-name"),
    pytest.param(Manifest("e", ()), [], id="no-lima.yaml"),
    pytest.param(Manifest("e", (LIMA[0],), format=2), [LIMA[1]], id="newer-format"),
    pytest.param(Manifest("e", (LIMA[0], LIMA[0])), [LIMA[1], LIMA[1]], id="twice"),
    pytest.param(Manifest("e", (LIMA[0], Entry("disk", "link", target="/etc/shadow"))),
                 [LIMA[1], (Member("e/disk", "link", target="/etc/shadow"), b"")], id="link-outside"),
    pytest.param(Manifest("e", (LIMA[0], Entry("disk", "link", target="diffdisk"))),
                 [LIMA[1], (Member("e/disk", "link", target="diffdisk"), b"")], id="link-to-nothing"),
    pytest.param(Manifest("e", (LIMA[0], entry("disk"))),
                 [LIMA[1], (Member("e/disk", "link", target="/etc/shadow"), b"")], id="link-for-file"),
    pytest.param(Manifest("e", (LIMA[0], Entry("disk", "device"))), [LIMA[1], member("disk")], id="device"),
    pytest.param(Manifest("e", (LIMA[0], Entry("etc", "directory"))),
                 [LIMA[1], (Member("e/etc", "directory"), b"")], id="folder"),
    pytest.param(Manifest("e", (LIMA[0], entry("disk", b"x" * 100))), [LIMA[1], member("disk", b"x" * 999)], id="more"),
    pytest.param(Manifest("e", (LIMA[0],)), [LIMA[1], member("disk", b"x")], id="not-in-manifest"),
    pytest.param(Manifest("e", (LIMA[0], entry("disk", b"x"))), [LIMA[1]], id="not-in-archive"),
    pytest.param(Manifest("e", (LIMA[0], entry("disk", b"x"))), [LIMA[1], member("disk", b"y")], id="other-content"),
    pytest.param(Manifest("e", (LIMA[0], entry("disk", b"x", sha256=""))), [LIMA[1], member("disk", b"x")],
                 id="no-digest"),
    pytest.param(Manifest("e", (LIMA[0], Entry("disk", size=-1))), [LIMA[1]], id="negative"),
    pytest.param(Manifest("e", (LIMA[0], Entry("disk", size=1 << 60))), [LIMA[1]], id="huge"),
    pytest.param(Manifest("e", (LIMA[0], entry("disk", b"", stored=1 << 49))), [LIMA[1], member("disk")], id="no-room"),
    pytest.param(Manifest("e", (LIMA[0], entry("disk", PASSWD))), [LIMA[1], member("disk", PASSWD)], id="backing-file"),
    pytest.param(Manifest("e", (entry("lima.yaml", b"\xff\xfe"),)), [member("lima.yaml", b"\xff\xfe")], id="no-text"),
    pytest.param(Manifest("e", (entry("lima.yaml", b"a: ["),)), [member("lima.yaml", b"a: [")], id="no-yaml"),
])  # fmt: skip
async def test_hostile_archives_are_refused(
    draft: Manifest, members: list[tuple[Member, bytes]], home: HomePaths, tmp_path: Path
) -> None:
    before = sorted(home.home.iterdir())
    with pytest.raises(LimaError):
        await import_(home, archive_of(tmp_path / "x", draft, *members), report=quiet)
    assert sorted(home.home.iterdir()) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x"]


async def test_what_stands_around_the_members_is_refused_too(home: HomePaths, tmp_path: Path) -> None:
    good = Manifest("e", (LIMA[0],))
    await import_(home, archive_of(tmp_path / "x", good, LIMA[1], junk=bytes(8192)), report=quiet)
    for file in (archive_of(tmp_path / "junk", good, LIMA[1], junk=b"evil"),
                 archive_of(tmp_path / "bomb", good, LIMA[1], junk=bytes(64 << 20)),
                 archive_of(tmp_path / "first", good, LIMA[1], first="manifest.json")):
        with pytest.raises(ImageError):
            await import_(home, file, "f", report=quiet)
    assert not (home.home / "f").exists()


def test_only_files_of_an_instance_are_portable() -> None:
    wanted = {"lima.yaml", "disk", "swtpm/tpm2-00.permall"}
    assert {name for name in (*wanted, "user", "ha.pid", "swtpm", "swtpm/a/b", "swtpm/..", "Disk", "disk\n")
            if manifest.is_portable(name)} == wanted
    assert manifest.left_out(["disk", "ha.pid", "sock", "notes", ".x", "a.log"]) == ("notes",)


def test_paths_move_with_the_instance() -> None:
    table = moves("/home/u/.lima/a", "/home/u", "/srv/lima/b", "/root")
    text = "a: /home/u/.lima/a/sock/x # why\nb: ['/home/u/.lima/c', \"/home/u/w\"]\nc: /home/us\nd: |\n  /home/u/x\n"
    assert re.sub(" +#", " #", moved_text(text, table)) == (
        "a: /srv/lima/b/sock/x # why\nb: ['/srv/lima/c', \"/root/w\"]\nc: /home/us\nd: |\n  /home/u/x\n")
    untouched = "a:   1\nb: { x: /elsewhere }\n"
    assert moved_text(untouched, table) == untouched


def test_what_does_not_fit_is_said(home: HomePaths, tmp_path: Path) -> None:
    mounts = (Mount(location="/none"), Mount(location=str(tmp_path), writable=True))
    config = Config(arch="s390x", vm_type="vz", mounts=mounts, images=(Image(location="/no/image"),))
    said = "\n".join(misfits(config, home, host()))
    for part in ("s390x", "vz", "`/none` is not here", f"may write to `{tmp_path}`", "`/no/image` is not here"):
        assert part in said
    assert list(misfits(Config(), home, msgspec.structs.replace(host(), arch="x86_64"))) == []


def test_memory_stays_bounded(home: HomePaths, tmp_path: Path) -> None:
    """Both ways with 300 MB that cannot be packed, in a process of its own."""
    (home.home / "a" / "kernel").write_bytes(os.urandom(300 << 20))
    script = (
        "import asyncio, sys; from pathlib import Path\n"
        "from limacore.paths import HomePaths; from limacore.lifecycle.archive import export\n"
        "from limacore.lifecycle.unarchive import import_\n"
        "async def main(home, folder):\n"
        "    file = await export(home, 'a', folder, report=lambda p: None)\n"
        "    await import_(home, file, 'b', report=lambda p: None)\n"
        "asyncio.run(main(HomePaths(), Path(sys.argv[1])))\n"
        "print(*[line for line in open('/proc/self/status') if line.startswith('VmHWM')])\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True,
                          cwd=Path(__file__).parents[3])
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[1]) < 128 << 10, done.stdout
