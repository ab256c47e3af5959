"""Import an instance from a file: made aside, checked, fitted to this computer, then there at once."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from limacore.base import notice
from limacore.base.files import write_atomic
from limacore.base.goquote import ticked
from limacore.base.host import host
from limacore.base.units import format_size
from limacore.base.version import COMPATIBLE
from limacore.config.load import Loaded, load_text
from limacore.errors import ConfigError, HostError, ImageError, LimaError, NotFoundError
from limacore.images.unpack import in_thread
from limacore.lifecycle import packing
from limacore.lifecycle.archive import self_contained
from limacore.lifecycle.create import write_cloud_config
from limacore.lifecycle.manifest import Manifest
from limacore.lifecycle.moving import misfits, moved_text, moves
from limacore.lifecycle.packing import from_thread
from limacore.lifecycle.stage import claimable, publish, staged
from limacore.model.job import Progress
from limacore.paths import HomePaths, InstancePaths

Report = Callable[[Progress], None]
_HEADROOM = 64 << 20
"""Bytes that must stay free beyond what is written."""


def contents(file: Path) -> Manifest:
    """What an archive says of itself, checked by its form only; raises NotFoundError, ImageError."""
    if not file.is_file():
        raise NotFoundError(f"{ticked(str(file))} is no file",
                            hint=f"give it a file that `{notice.program()} export` made")
    try:
        with packing.opened(file) as archive:
            return archive.manifest
    except OSError as error:
        raise HostError(f"cannot read {ticked(str(file))}", detail=error.strerror or "") from error


async def import_(home: HomePaths, file: Path, name: str = "", *, report: Report) -> InstancePaths:
    """Make an instance of an archive, named as there unless `name` is given; on any error nothing is left.

    Raises ImageError for what is damaged or hostile, AlreadyExistsError, HostError when there is no room."""
    found = await asyncio.to_thread(contents, file)
    paths = claimable(home, name or found.name)
    home.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_space(home.home, found.stored)
    async with staged(home, paths.name) as stage:
        tell = from_thread(report)
        await in_thread(lambda stop: _unpack(file, found, stage, tell, stop))
        _require_own_disks(stage)
        await asyncio.to_thread(_fit, stage, paths, home, found)
        publish(stage, paths)
    return paths


def _require_space(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + _HEADROOM:
        raise HostError(f"there is not enough space in {ticked(str(folder))}: {format_size(size)} are needed, "
                        f"{format_size(free)} are free", hint="free some space, or set LIMA_HOME to another disk")


def _unpack(file: Path, expected: Manifest, stage: InstancePaths, report: Report, stop: threading.Event) -> None:
    with packing.opened(file) as archive:
        if archive.manifest != expected:
            raise ImageError(f"{ticked(str(file))} changed while it was read")
        archive.into(stage.dir, report, stop)


def _require_own_disks(stage: InstancePaths) -> None:
    """A disk whose header names another file would show that file of this computer to its guest."""
    for path in (stage.disk, stage.diffdisk, stage.basedisk, stage.iso):
        if path.exists() and not self_contained(stage.dir, path.name):
            raise ImageError(f"the archive is refused: its {ticked(path.name)} refers to files outside of it")


def _fit(stage: InstancePaths, paths: InstancePaths, home: HomePaths, found: Manifest) -> None:
    text = _text(stage)
    table = moves(found.directory, found.home, str(paths.dir), str(Path.home()))
    write_atomic(stage.lima_yaml, moved_text(text, table))
    if not stage.lima_version.exists():
        write_atomic(stage.lima_version, COMPATIBLE, 0o444)
    loaded = load_text(stage.lima_yaml.read_text(), paths.lima_yaml, home, exists=True)
    if loaded.config is not None:
        with contextlib.suppress(LimaError):  # for people to read; each start writes it anew
            write_cloud_config(stage, paths, home, loaded.config)
    _warn(paths, home, loaded)


def _text(stage: InstancePaths) -> str:
    try:
        return stage.lima_yaml.read_text()
    except UnicodeDecodeError:
        raise ConfigError("lima.yaml of the archive is no text") from None


def _warn(paths: InstancePaths, home: HomePaths, loaded: Loaded) -> None:
    for problem in loaded.errors:
        notice.warning(f"Before {ticked(paths.name)} can start, its lima.yaml needs a change: {problem.message}")
    for sentence in misfits(loaded.config, home, host()) if loaded.config else ():
        notice.warning(f"Instance {ticked(paths.name)}: {sentence}")
