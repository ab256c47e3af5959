"""Create an instance: staged in a hidden directory, renamed into place when complete, so never half there."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from limacore.base.files import locked, write_atomic, write_failed
from limacore.base.version import COMPATIBLE
from limacore.config import edit
from limacore.config.load import load_text
from limacore.errors import AlreadyExistsError, LockedError
from limacore.guest.cidata import cloud_config
from limacore.guest.seed import Seed
from limacore.images import prepare
from limacore.model.config import Config
from limacore.model.job import Progress
from limacore.paths import HomePaths, InstancePaths, check_instance_name, check_socket_length
from limacore.store import keys
from limacore.templates import embed

Report = Callable[[Progress], None]
_STAGE = ".create-"


async def create(
    home: HomePaths, name: str, locator: str, *, report: Report, changes: dict[str, object] | None = None
) -> InstancePaths:
    """Make instance `name` from a template; on any error or cancellation nothing is left. Raises LimaError."""
    _claimable(home, name)
    text = await asyncio.to_thread(embed.read, locator, home)
    return await create_from_text(home, name, edit.set_fields(text, changes or {}), report=report, source=locator)


async def create_from_text(
    home: HomePaths, name: str, text: str, *, report: Report, source: str = ""
) -> InstancePaths:
    """Make instance `name` from the text of a template with its bases embedded, as `create` does."""
    paths = _claimable(home, name)
    async with _stage(home, name) as stage:
        text = await prepare.build_images(text, report)  # other tools cannot read `build:`, so it becomes paths
        config = load_text(text, paths.lima_yaml, home, exists=False).require(source or str(paths.lima_yaml))
        await prepare.prepare(stage, config, report)
        await asyncio.to_thread(_write_files, stage, paths, home, text, config)
        _publish(stage, paths)
    return paths


def _claimable(home: HomePaths, name: str) -> InstancePaths:
    check_instance_name(name)
    paths = home.instance(name)
    check_socket_length(paths.dir)
    if os.path.lexists(paths.dir):
        raise _taken(paths)
    return paths


def _taken(paths: InstancePaths) -> AlreadyExistsError:
    return AlreadyExistsError(
        f"instance `{paths.name}` already exists (`{paths.dir}`)",
        hint=f"choose another name, or delete it first: limatui delete {paths.name}",
    )


@contextlib.asynccontextmanager
async def _stage(home: HomePaths, name: str) -> AsyncIterator[InstancePaths]:
    await asyncio.to_thread(_sweep, home.home)
    directory = home.home / f"{_STAGE}{name}-{os.getpid()}"
    try:
        home.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.mkdir(mode=0o700)
    except OSError as error:
        raise write_failed(directory, error) from error
    with locked(directory, wait=False):
        try:
            yield InstancePaths(directory)
        finally:
            if directory.exists():
                shutil.rmtree(directory, ignore_errors=True)


def _sweep(home: Path) -> None:
    """Remove what a killed create left: a stage that nobody holds locked."""
    for directory in home.glob(f"{_STAGE}*") if home.is_dir() else ():
        with contextlib.suppress(LockedError, OSError), locked(directory, wait=False):
            shutil.rmtree(directory, ignore_errors=True)


def _write_files(stage: InstancePaths, final: InstancePaths, home: HomePaths, text: str, config: Config) -> None:
    write_atomic(stage.lima_yaml, text)
    write_atomic(stage.lima_version, COMPATIBLE, 0o444)
    seed = Seed(config=config, name=final.name, directory=str(final.dir), host_home=str(Path.home()),
                public_keys=keys.public_keys(home, config))
    write_atomic(stage.cloud_config, cloud_config(seed), 0o444)


def _publish(stage: InstancePaths, paths: InstancePaths) -> None:
    """Give the finished directory its name; rename refuses when another create was quicker."""
    try:
        stage.dir.rename(paths.dir)
    except OSError as error:
        raise _taken(paths) from error
