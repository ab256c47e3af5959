"""Where an instance is put together: a hidden directory, renamed into place when complete, so never half there."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from limacore.base import notice
from limacore.base.files import locked, make_private, mkdir_failed, remove_tree, write_failed
from limacore.base.goquote import ticked
from limacore.errors import AlreadyExistsError, HostError, LockedError
from limacore.paths import STAGE, HomePaths, InstancePaths, check_socket_length


def claimable(home: HomePaths, name: str) -> InstancePaths:
    """Paths of an instance that may be made; raises UsageError, HostError (too long), AlreadyExistsError."""
    paths = home.instance(name)
    check_socket_length(paths.dir)
    if os.path.lexists(paths.dir):
        raise _taken(paths)
    return paths


def _taken(paths: InstancePaths) -> AlreadyExistsError:
    return AlreadyExistsError(
        f"instance {ticked(paths.name)} already exists",
        hint=f"choose another name, or delete it first: {notice.program()} delete {paths.name}",
    )


@contextlib.asynccontextmanager
async def staged(home: HomePaths, name: str) -> AsyncIterator[InstancePaths]:
    """A directory to fill; unless it is published, nothing of it is left. What killed processes left goes, too."""
    await asyncio.to_thread(_sweep, home.home)
    directory = home.home / f"{STAGE}{name}-{os.getpid()}"
    try:
        make_private(home.home)
        directory.mkdir(mode=0o700)
    except OSError as error:
        failing = Path(str(error.filename or directory))
        raise mkdir_failed(home.home / name if failing == directory else failing, error) from error
    with locked(directory, wait=False):
        try:
            yield InstancePaths(directory)
        finally:
            _remove(directory)


def _sweep(home: Path) -> None:
    """Remove the stages that nobody holds locked."""
    for directory in home.glob(f"{STAGE}*") if home.is_dir() else ():
        with contextlib.suppress(LockedError, OSError), locked(directory, wait=False):
            _remove(directory)


def _remove(directory: Path) -> None:
    with contextlib.suppress(HostError):
        remove_tree(directory)


def publish(stage: InstancePaths, paths: InstancePaths) -> None:
    """Give the finished directory its name; raises AlreadyExistsError when another command was quicker."""
    try:
        stage.dir.rename(paths.dir)
    except OSError as error:
        raise _taken(paths) from error


def bury(paths: InstancePaths) -> None:
    """Take an instance out of sight by a rename, then remove it: nobody ever sees half of one."""
    grave = paths.dir.with_name(f"{STAGE}{paths.name}-deleted-{os.getpid()}")
    try:
        paths.dir.rename(grave)
    except OSError as error:
        raise write_failed(paths.dir, error) from error
    remove_tree(grave)
