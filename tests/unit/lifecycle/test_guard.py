"""Two commands on one instance never interleave: tested with real processes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from limacore.errors import HostError, LimaError, LockedError, NotFoundError
from limacore.lifecycle import change, clone, remove, reset, snapshots, stop
from limacore.lifecycle.guard import configured, existing, held
from limacore.paths import HomePaths, InstancePaths
from tests.unit.lifecycle.instances import make, quiet

HOLDER = """
import sys
from pathlib import Path
from limacore.lifecycle.guard import held
from limacore.paths import InstancePaths
with held(InstancePaths(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_command(paths: InstancePaths) -> Iterator[subprocess.Popen[str]]:
    """A process that works on the instance."""
    child = subprocess.Popen([sys.executable, "-c", HOLDER, str(paths.dir)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    try:
        yield child
    finally:
        child.communicate()


async def test_the_second_is_refused_at_once(home: HomePaths) -> None:
    paths = make(home)
    with another_command(paths):
        for work in (
            clone.clone(home, "a", "b", report=quiet), clone.rename(home, "a", "b", report=quiet),
            reset.factory_reset(home, "a", report=quiet), remove.delete(home, "a", report=quiet),
            remove.delete(home, "a", force=True, report=quiet), stop.stop(home, "a", force=True, report=quiet),
            stop.stop(home, "a", report=quiet), snapshots.create(home, "a", "s"), snapshots.apply(home, "a", "s"),
        ):
            with pytest.raises(LockedError, match="another command is working on instance `a`"):
                await asyncio.wait_for(work, 30)
        with pytest.raises(LockedError):
            change.protect(home, "a")
        assert await snapshots.listing(home, "a") == (), "looking needs no lock"
    assert paths.lima_yaml.exists()
    change.protect(home, "a")


def test_a_dead_holder_holds_nothing(home: HomePaths) -> None:
    paths = make(home, disk="")
    with another_command(paths) as child:
        child.kill()
        child.wait()
        with held(paths):
            pass


def test_the_lock_of_a_directory_that_is_gone_is_no_lock(home: HomePaths) -> None:
    paths = make(home, disk="")
    with held(paths):
        paths.dir.rename(home.home / "elsewhere")
        with pytest.raises(NotFoundError), held(paths):
            pass
        paths.dir.mkdir()
        with held(paths):
            pass


@pytest.mark.parametrize("find", [existing, configured])
def test_missing_ones(home: HomePaths, find: type) -> None:
    with pytest.raises(NotFoundError) as caught:
        find(home, "nosuch")
    assert caught.value.message == f"open {home.home}/nosuch/lima.yaml: no such file or directory"
    assert "nosuch" in caught.value.hint


def test_a_file_is_no_instance(home: HomePaths) -> None:
    (home.home / "file").touch()
    with pytest.raises(LimaError, match="not a directory"):
        configured(home, "file")
    with pytest.raises(NotFoundError):
        existing(home, "file")


def test_what_cannot_be_opened_is_told(home: HomePaths) -> None:
    paths = home.instance("a")
    paths.dir.symlink_to(paths.dir)
    with pytest.raises((HostError, NotFoundError)), held(paths):
        pass
