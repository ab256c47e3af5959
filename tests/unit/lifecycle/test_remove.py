"""Delete and forced stop: what is the instance's own goes, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from limacore.errors import LimaError, NotFoundError, ProtectedError, StateError, UsageError
from limacore.lifecycle import change, remove, stop
from limacore.paths import HomePaths
from limacore.store import disklocks, disks
from tests.unit.lifecycle.instances import YAML, as_nobody, make, names, process, quiet, running, tree


async def test_a_stopped_one(home: HomePaths, told: list[str]) -> None:
    paths = make(home)
    for name in ("x.tmp", "y.sock", "z.pid", "sub/k.pid"):
        (paths.dir / name).parent.mkdir(exist_ok=True)
        (paths.dir / name).touch()
    paths.ha_pid.write_text("99999999\n")
    await remove.delete_all(home, ["a"], report=quiet)
    assert told == [
        "info The qemu driver process seems already stopped",
        "info The host agent process seems already stopped",
        f"info Removing *.pid *.sock *.tmp under `{paths.dir}`",
        f"info Removing `{paths.dir}/x.tmp`",
        f"info Removing `{paths.dir}/y.sock`",
        f"info Removing `{paths.dir}/z.pid`",
        f"info Deleted `a` (`{paths.dir}`)",
    ]
    assert names(home) == []


async def test_refusals(home: HomePaths) -> None:
    make(home, "p")
    change.protect(home, "p")
    for force in (False, True):
        with pytest.raises(ProtectedError) as caught:
            await remove.delete(home, "p", force=force, report=quiet)
        assert str(caught.value) == ("failed to delete instance `p`: instance is protected to prohibit accidental "
                                     "removal (Hint: use `limatui unprotect`)")
    paths = make(home, "r")
    with running(paths, "qemu.pid"), pytest.raises(StateError, match="expected status `Stopped`, got `Broken`"):
        await remove.delete(home, "r", report=quiet)
    broken = make(home, "broken", yaml="images: [\n")
    with pytest.raises(StateError, match="expected status `Stopped`, got ``"):
        await remove.delete(home, "broken", report=quiet)
    (home.home / "empty").mkdir()
    with pytest.raises(NotFoundError, match="it was NOT deleted"):
        await remove.delete(home, "empty", force=True, report=quiet)
    with pytest.raises(NotFoundError, match="does not exist"):
        await remove.delete(home, "nosuch", report=quiet)
    assert all(each.exists() for each in (paths.dir, broken.dir, home.home / "empty", home.home / "p"))


async def test_the_first_refusal_ends_it_and_what_went_before_is_done(home: HomePaths, told: list[str]) -> None:
    for name in "abcd":
        make(home, name, disk="")
    change.protect(home, "c")
    with pytest.raises(ProtectedError, match="`c`"):
        await remove.delete_all(home, ["b", "nosuch", "a", "c", "d"], report=quiet)
    assert names(home) == ["c", "d"]
    deleted = [line for line in told if "Deleted" in line or "Ignoring" in line]
    assert [line.split("`")[1] for line in deleted] == ["b", "nosuch", "a"]


async def test_what_is_no_instance_does_not_keep_the_others(home: HomePaths) -> None:
    make(home, "a", disk="")
    for name in ("empty", "other"):
        (home.home / name).mkdir()
    with pytest.raises(LimaError) as caught:
        await remove.delete_all(home, ["empty", "a", "other"], report=quiet)
    assert caught.value.message.count("it was NOT deleted") == 2
    assert not (home.home / "a").exists()


async def test_a_wrong_name_touches_nothing(home: HomePaths) -> None:
    make(home, "a", disk="")
    with pytest.raises(UsageError, match="not a valid identifier"):
        await remove.delete_all(home, ["a/b", "a"], report=quiet)
    assert (home.home / "a").exists()


async def test_force_kills_what_is_its_own_and_only_that(home: HomePaths, told: list[str]) -> None:
    paths = make(home)
    with process("sleep", "600") as stranger, running(paths, "qemu.pid") as child:
        paths.ha_pid.write_text(str(stranger.pid))
        await remove.delete(home, "a", force=True, report=quiet)
        assert child.wait(10) == -9
        assert stranger.poll() is None
    assert f"info Sending SIGKILL to the qemu driver process {child.pid}" in told
    assert "info The host agent process seems already stopped" in told
    assert not paths.dir.exists()


@pytest.mark.parametrize("force", [False, True])
async def test_of_a_link_only_the_link_goes(home: HomePaths, force: bool) -> None:
    real = make(home, "real")
    (real.dir / "x.tmp").touch()
    before = tree(real.dir)
    (home.home / "link").symlink_to("real")
    await remove.delete_all(home, ["link"], force=force, report=quiet)
    assert tree(real.dir) == before
    assert not os.path.lexists(home.home / "link")


async def test_a_link_to_a_running_one_ends_nothing(home: HomePaths) -> None:
    real = make(home, "real")
    (home.home / "link").symlink_to("real")
    with running(real, "qemu.pid", "ha.pid") as child:
        await remove.delete(home, "link", force=True, report=quiet)
        assert child.poll() is None
        assert (real.dir / "qemu.pid").exists()


async def test_links_inside_are_not_followed(home: HomePaths, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/precious").write_text("keep")
    paths = make(home)
    (paths.dir / "mount").symlink_to(tmp_path / "mine")
    (paths.dir / "file.tmp").symlink_to(tmp_path / "mine/precious")
    await remove.delete(home, "a", force=True, report=quiet)
    assert (tmp_path / "mine/precious").read_text() == "keep"
    assert not paths.dir.exists()


async def test_a_plain_file_needs_force(home: HomePaths, told: list[str]) -> None:
    (home.home / "file").touch()
    with pytest.raises(StateError):
        await remove.delete(home, "file", report=quiet)
    await remove.delete(home, "file", force=True, report=quiet)
    assert not (home.home / "file").exists()
    assert f"error open {home.home}/file: not a directory" in told


async def test_closed_directories_go_too(home: HomePaths) -> None:
    """As anybody but root: the reference leaves directories of mode 0000 in its clones."""
    paths = make(home, disk="")
    (paths.dir / "sock/inner").mkdir(parents=True)
    (paths.dir / "sock/inner/file").touch()
    (paths.dir / "sock/inner").chmod(0o500)
    (paths.dir / "sock").chmod(0o000)
    (paths.dir / "sock2").mkdir(0o000)
    as_nobody(home.home, f"""
import asyncio
from pathlib import Path
from limacore.lifecycle import remove
from limacore.paths import HomePaths
asyncio.run(remove.delete(HomePaths(Path({str(home.home)!r})), "a", report=lambda progress: None))
""")
    assert not paths.dir.exists()


async def test_forced_stop_leaves_the_locks_of_others(home: HomePaths, told: list[str]) -> None:
    yaml = f"{YAML}additionalDisks: [data, mine, gone]\n"
    one, other = make(home, "one", yaml=yaml), make(home, "other", yaml=yaml)
    for name in ("data", "mine", "unlisted"):
        disks.create(home, name, "1MiB")
    disklocks.lock(home, "data", other.dir)
    for name in ("mine", "unlisted"):
        disklocks.lock(home, name, one.dir)
    told.clear()
    await stop.stop(home, "one", force=True, report=quiet)
    assert disklocks.held_by(home, other.dir) == (home.disks / "data",)
    assert disklocks.held_by(home, one.dir) == ()
    assert told[1] == "warning Disk `gone` does not exist"
    assert one.dir.exists()


async def test_stopping_what_does_not_run(home: HomePaths) -> None:
    make(home)
    with pytest.raises(StateError) as caught:
        await stop.stop(home, "a", report=quiet)
    assert caught.value.message == "expected status `Running`, got `Stopped` (maybe use `limatui stop -f`?)"
    with pytest.raises(LimaError) as both:
        await stop.stop_all(home, ["a", "nosuch"], report=quiet)
    assert both.value.message == (f"{caught.value.message}\nopen {home.home}/nosuch/lima.yaml: "
                                  "no such file or directory")


def test_protection(home: HomePaths, told: list[str]) -> None:
    paths = make(home, disk="")
    assert change.protect(home, "a")
    assert paths.protected.stat().st_mode & 0o777 == 0o400
    assert not change.protect(home, "a")
    assert change.unprotect(home, "a")
    assert not change.unprotect(home, "a")
    assert told == ["info Protected `a`", "warning Instance `a` is already protected. Skipping.",
                    "info Unprotected `a`", "warning Instance `a` isn't protected. Skipping."]
    with pytest.raises(NotFoundError, match="failed to inspect instance `nosuch`: open "):
        change.protect(home, "nosuch")


async def test_the_service_manager_forgets_it(home: HomePaths, told: list[str]) -> None:
    make(home)
    unit = home.home / ".config/systemd/user/lima-vm@a.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Unit]\n")
    await remove.delete(home, "a", report=quiet)
    assert not unit.exists()
    assert told[-2] == "info The autostart entry for instance `a` has been unregistered"
