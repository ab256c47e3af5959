"""Clone and rename: modes, links, backing files, locks; whole or not at all."""

from __future__ import annotations

import asyncio
import json
import os
import resource
from pathlib import Path

import pytest

from limacore.errors import AlreadyExistsError, ConfigError, HostError, LimaError, NotFoundError, StateError, UsageError
from limacore.lifecycle import clone, copying
from limacore.paths import HomePaths, InstancePaths
from limacore.store import disklocks, disks
from tests.unit.lifecycle.instances import YAML, make, names, qemu_img, quiet, running, tree

SSH_CONFIG = """\
# This SSH config file can be passed to 'ssh -F'.
Host lima-a
  ControlPath "{dir}/ssh.sock"
  User lima-amber
  Port 60123
"""


def dress(paths: InstancePaths) -> None:
    """Give an instance one of everything that matters."""
    for name in ("x.tmp", "y.sock", "z.pid", "sub/k.pid"):
        (paths.dir / name).parent.mkdir(exist_ok=True)
        (paths.dir / name).write_text("x")
    (paths.dir / "protected").touch(0o400)
    (paths.dir / "swtpm").mkdir()
    (paths.dir / "swtpm/state").write_text("secret")
    (paths.dir / "vz-identifier").write_text("id")
    (paths.dir / "exec.sh").write_text("#!/bin/sh\n")
    (paths.dir / "exec.sh").chmod(0o755)
    (paths.dir / "closed").mkdir(0o000)
    (paths.dir / "sock").mkdir(0o750)
    (paths.dir / "sock/deep").write_text("d")
    (paths.dir / "rel").symlink_to("exec.sh")
    (paths.dir / "abs").symlink_to(paths.dir / "sock/deep")
    (paths.dir / "sock/up").symlink_to(paths.dir / "exec.sh")
    (paths.dir / "dead").symlink_to("nowhere")
    (paths.dir / "outside").symlink_to("/etc/passwd")
    os.mkfifo(paths.dir / "fifo")
    paths.ssh_config.write_text(SSH_CONFIG.format(dir=paths.dir))
    paths.ssh_config.chmod(0o600)


async def test_a_clone_has_what_belongs_to_it(home: HomePaths) -> None:
    old = make(home)
    dress(old)
    before = tree(old.dir)
    new = await clone.clone(home, "a", "b", report=quiet)
    copy = tree(new.dir)
    assert copy == {
        "abs": "-> sock/deep",
        "basedisk": "0644 b'...'",
        "closed": "0700 directory",
        "dead": "-> nowhere",
        "diffdisk": "0644 b'...'",
        "disk": "-> diffdisk",
        "exec.sh": "0755 b'#!/bin/sh\\n'",
        "lima-version": "0444 b'2.2.0'",
        "lima.yaml": f"0644 {YAML.encode()!r}",
        "outside": "-> /etc/passwd",
        "rel": "-> exec.sh",
        "sock": "0750 directory",
        "sock/deep": "0644 b'd'",
        "sock/up": "-> ../exec.sh",
        "sub": "0755 directory",
        "vz-identifier": "0644 b''",
    }
    assert new.dir.stat().st_mode & 0o777 == 0o700
    assert tree(old.dir) == before
    assert names(home) == ["a", "b"]


@pytest.mark.parametrize("verb", ["clone", "rename"])
async def test_an_overlay_never_leads_back(home: HomePaths, verb: str) -> None:
    old = make(home, disk="")
    qemu_img("create", "-q", "-f", "raw", "basedisk", "1M", cwd=old.dir)
    whole = str(old.dir / "basedisk")
    qemu_img("create", "-q", "-f", "qcow2", "-F", "raw", "-b", whole, "diffdisk", cwd=old.dir)
    old.disk.symlink_to(old.dir / "diffdisk")
    new = await getattr(clone, verb)(home, "a", "b", report=quiet)
    info = json.loads(qemu_img("info", "--output=json", "disk", cwd=new.dir))
    assert info["backing-filename"] == "basedisk"
    assert new.disk.readlink() == Path("diffdisk")
    qemu_img("check", "disk", cwd=new.dir)
    if verb == "clone":
        assert json.loads(qemu_img("info", "--output=json", "disk", cwd=old.dir))["backing-filename"] == whole


async def test_a_clone_is_sparse_and_its_own(home: HomePaths) -> None:
    old = make(home, disk="raw")
    with old.disk.open("r+b") as file:
        file.truncate(64 << 20)
        file.seek(32 << 20)
        file.write(b"data")
    seen: list[float] = []
    new = await clone.clone(home, "a", "b", report=lambda progress: seen.append(progress.fraction or 0))
    assert new.disk.stat().st_size == 64 << 20
    assert new.disk.stat().st_blocks * 512 < 1 << 20
    assert new.disk.read_bytes() == old.disk.read_bytes()
    assert new.disk.stat().st_ino != old.disk.stat().st_ino
    assert (seen, seen[0], seen[-1]) == (sorted(seen), 0.0, 1.0)


async def test_a_clone_costs_no_second_base(home: HomePaths) -> None:
    old = make(home)
    new = await clone.clone(home, "a", "b", report=quiet)
    shared = new.basedisk.stat().st_ino == old.basedisk.stat().st_ino
    assert shared or new.basedisk.read_bytes() == old.basedisk.read_bytes()
    assert new.diffdisk.stat().st_ino != old.diffdisk.stat().st_ino


@pytest.mark.parametrize(
    ("old", "new", "error", "words"),
    [
        ("nosuch", "c", NotFoundError, "instance `nosuch` not found"),
        ("nosuch", "x/y", NotFoundError, "instance `nosuch` not found"),
        ("a/b", "x", UsageError, "instance name `a/b` is not a valid identifier: identifier `a/b` must match "
                                 "^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$"),
        ("a", "a", UsageError, "new instance name `a` must be different from `a`"),
        ("a", "", UsageError, "got empty instName"),
        ("a", "b", AlreadyExistsError, "instance `b` already exists"),
        ("a", "file", AlreadyExistsError, "instance `file` already exists"),
        ("a", "h.yaml", UsageError, "instance name `h.yaml` must not end with .yml or .yaml suffix"),
    ],
)
@pytest.mark.parametrize("verb", ["clone", "rename"])
async def test_refusals(
    home: HomePaths, verb: str, old: str, new: str, error: type[LimaError], words: str
) -> None:
    make(home)
    make(home, "b", disk="")
    (home.home / "file").touch()
    before = tree(home.home)
    with pytest.raises(error) as caught:
        await getattr(clone, verb)(home, old, new, report=quiet)
    assert caught.value.message == words
    assert tree(home.home) == before


async def test_too_long_a_name(home: HomePaths) -> None:
    make(home, disk="")
    with pytest.raises(HostError, match="UNIX_PATH_MAX"):
        await clone.clone(home, "a", "b" * 76, report=quiet)


@pytest.mark.parametrize("files", [("qemu.pid",), ("ha.pid",), ("qemu.pid", "ha.pid")])
@pytest.mark.parametrize("verb", ["clone", "rename"])
async def test_nothing_is_taken_from_under_a_process(home: HomePaths, verb: str, files: tuple[str, ...]) -> None:
    paths = make(home)
    with running(paths, *files), pytest.raises(StateError, match=f"cannot {verb} a running instance"):
        await getattr(clone, verb)(home, "a", "b", report=quiet)
    assert not (home.home / "b").exists()


@pytest.mark.parametrize("verb", ["clone", "rename"])
async def test_an_edit_that_is_refused_changes_nothing(home: HomePaths, verb: str) -> None:
    make(home)
    before = tree(home.home)
    with pytest.raises(ConfigError):
        await getattr(clone, verb)(home, "a", "b", report=quiet, edit=lambda text: "images: []\n")
    assert tree(home.home) == before


@pytest.mark.parametrize("verb", ["clone", "rename"])
async def test_an_edit_goes_into_the_new_one(home: HomePaths, verb: str) -> None:
    make(home)
    new = await getattr(clone, verb)(home, "a", "b", report=quiet, edit=lambda text: f"{text}cpus: 3\n")
    assert new.lima_yaml.read_text() == f"{YAML}cpus: 3\n"
    if verb == "clone":
        assert home.instance("a").lima_yaml.read_text() == YAML


async def test_a_cancelled_clone_leaves_nothing(home: HomePaths) -> None:
    old = make(home, disk="raw")
    with old.disk.open("wb") as file:
        file.write(b"x" * (64 << 20))
    begun = asyncio.Event()
    task = asyncio.create_task(clone.clone(home, "a", "b", report=lambda progress: begun.set()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(home) == ["a"]


async def test_a_full_disk_leaves_nothing(home: HomePaths) -> None:
    old = make(home, disk="raw")
    old.disk.write_bytes(b"x" * (1 << 20))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))  # writing more fails as on a full disk
    try:
        with pytest.raises(HostError, match="cannot write"):
            await clone.clone(home, "a", "b", report=quiet)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names(home) == ["a"]


async def test_what_a_killed_clone_left_is_swept(home: HomePaths) -> None:
    make(home)
    left = home.home / ".create-c-999999"
    left.mkdir()
    (left / "disk").write_text("half")
    await clone.clone(home, "a", "b", report=quiet)
    assert names(home) == ["a", "b"]


async def test_a_rename_takes_everything_along(home: HomePaths) -> None:
    old = make(home)
    dress(old)
    (old.dir / "abs").unlink()
    (old.dir / "abs").symlink_to(old.dir / "exec.sh")
    disks.create(home, "data", "1MiB")
    disklocks.lock(home, "data", old.dir)
    expected = {name: what for name, what in tree(old.dir).items() if name not in ("x.tmp", "y.sock", "z.pid")}
    new = await clone.rename(home, "a", "b", report=quiet)
    ssh = SSH_CONFIG.format(dir=new.dir).replace("Host lima-a\n", "Host lima-b\n")
    found = tree(new.dir)
    assert found == {**expected, "abs": "-> exec.sh", "ssh.config": f"0600 {ssh.encode()!r}"}
    assert "protected" in found
    assert not old.dir.exists()
    assert (home.disks / "data/in_use_by").readlink() == new.dir


async def test_a_rename_moves_the_entry_of_the_service_manager(home: HomePaths, told: list[str]) -> None:
    make(home)
    unit = home.home / ".config/systemd/user/lima-vm@a.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Unit]\n")
    await clone.rename(home, "a", "b", report=quiet)
    assert not unit.exists()


def test_the_plan_tells_what_it_cannot_read(home: HomePaths) -> None:
    with pytest.raises(HostError, match="no such file or directory"):
        list(copying.plan(home.home / "nosuch"))
