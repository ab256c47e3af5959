"""Snapshots of stopped instances with the real qemu-img, and QEMU's table."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.errors import ConfigError, DriverError, LimaError, NotFoundError, StateError, UsageError
from limacore.lifecycle import snapshots
from limacore.model.snapshot import Snapshot
from limacore.paths import HomePaths
from tests.unit.lifecycle.instances import YAML, make, process, qemu_img, running

RUNNING = """\
List of snapshots present on all disks:\r
ID        TAG               VM SIZE                DATE     VM CLOCK     ICOUNT\r
--        s1                120 MiB 2026-11-21 04:45:27 00:01:02.345           \r
--        two words         1.5 GiB 2026-11-21 04:45:28 26:00:00.000          0\r
"""


def test_the_table_of_a_running_machine() -> None:
    text = snapshots.trimmed(RUNNING.replace("\r", ""))
    assert text.startswith("ID        TAG")
    assert snapshots.parse(text) == (
        Snapshot("--", "s1", 120 << 20, "2026-11-21 04:45:27", 62.345),
        Snapshot("--", "two words", 3 << 29, "2026-11-21 04:45:28", 26 * 3600.0),
    )
    assert snapshots.trimmed("There is no snapshot available.\n") == ""
    assert snapshots.parse("") == ()


@given(st.text())
def test_no_table_breaks_it(text: str) -> None:
    assert isinstance(snapshots.parse(snapshots.trimmed(text)), tuple)


@pytest.mark.parametrize("disk", ["overlay", "qcow2"])
async def test_back_and_forth(home: HomePaths, disk: str) -> None:
    paths = make(home, disk=disk)
    assert await snapshots.listing(home, "a") == ()
    assert await snapshots.table(home, "a") == ""
    _write(paths.dir, "0x11")
    await snapshots.create(home, "a", "one")
    _write(paths.dir, "0x22")
    await snapshots.create(home, "a", "two words")
    found = await snapshots.listing(home, "a")
    assert [(each.id, each.tag, each.memory, each.clock) for each in found] == [("1", "one", 0, 0.0),
                                                                                ("2", "two words", 0, 0.0)]
    assert all(len(each.date) == 19 for each in found)
    await snapshots.apply(home, "a", "one")
    assert _reads(paths.dir, "0x11")
    await snapshots.apply(home, "a", "two words")
    assert _reads(paths.dir, "0x22")
    await snapshots.delete(home, "a", "one")
    assert [each.tag for each in await snapshots.listing(home, "a")] == ["two words"]


def _write(folder: Path, pattern: str) -> None:
    qemu_io(f"write -P {pattern} 0 64k", folder)


def _reads(folder: Path, pattern: str) -> bool:
    return "failed" not in qemu_io(f"read -P {pattern} 0 64k", folder)


def qemu_io(command: str, folder: Path) -> str:
    done = subprocess.run(["qemu-io", "-c", command, "disk"], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


async def test_a_tag_twice_is_two_snapshots_as_in_the_reference(home: HomePaths) -> None:
    make(home)
    for tag in ("s1", "s2", "s1"):
        await snapshots.create(home, "a", tag)
    await snapshots.delete(home, "a", "s1")
    assert [each.tag for each in await snapshots.listing(home, "a")] == ["s2", "s1"]


async def test_a_number_that_means_two_is_not_guessed(home: HomePaths) -> None:
    make(home)
    await snapshots.create(home, "a", "2")
    await snapshots.create(home, "a", "other")
    with pytest.raises(StateError, match="tag of one snapshot and the number of another"):
        await snapshots.apply(home, "a", "2")


@pytest.mark.parametrize(
    ("tag", "error"), [("", UsageError), ("a\nb", UsageError), ("\x1b[2J", UsageError), (" x", UsageError)])
async def test_tags_that_are_none(home: HomePaths, tag: str, error: type[LimaError]) -> None:
    make(home)
    for act in (snapshots.create, snapshots.apply, snapshots.delete):
        with pytest.raises(error):
            await act(home, "a", tag)


async def test_refusals_tell_why(home: HomePaths) -> None:
    make(home)
    with pytest.raises(NotFoundError, match="no snapshot `nosuch`"):
        await snapshots.apply(home, "a", "nosuch")
    make(home, "raw", disk="raw")
    with pytest.raises(StateError, match="is raw, which cannot hold snapshots"):
        await snapshots.create(home, "raw", "s")
    assert await snapshots.listing(home, "raw") == ()
    make(home, "none", disk="")
    with pytest.raises(StateError, match="no disk yet"):
        await snapshots.create(home, "none", "s")
    assert await snapshots.listing(home, "none") == ()
    make(home, "broken", yaml="images: [\n")
    with pytest.raises(ConfigError):
        await snapshots.listing(home, "broken")
    with pytest.raises(NotFoundError, match=r"open .*/nosuch/lima.yaml: no such file"):
        await snapshots.listing(home, "nosuch")


async def test_a_machine_that_does_not_answer(home: HomePaths) -> None:
    paths = make(home)
    with running(paths, "qemu.pid"), pytest.raises(DriverError, match="cannot connect to QEMU"):
        await snapshots.create(home, "a", "s")
    with running(paths, "ha.pid"), pytest.raises(StateError, match="no machine yet to ask"):
        await snapshots.create(home, "a", "s")


async def test_an_image_in_use_is_left_alone(home: HomePaths) -> None:
    """QEMU locks the image even when no pid file tells of it."""
    paths = make(home)
    with process("qemu-io", "disk", cwd=paths.dir) as holder:
        assert holder.stdout is not None
        holder.stdout.read(1)
        with pytest.raises(DriverError, match="lock"):
            await snapshots.create(home, "a", "s")
    assert "Snapshot" not in qemu_img("info", "disk", cwd=paths.dir)


async def test_other_drivers_have_none(home: HomePaths) -> None:
    make(home, "w", yaml=YAML.replace("qemu", "vz"))
    with pytest.raises(LimaError):
        await snapshots.create(home, "w", "s")
