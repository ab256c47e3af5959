"""The main disk of an instance: an overlay over the image, grown to what lima.yaml says, never shrunk."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from limacore.base import diskformat, notice
from limacore.base.diskformat import DiskImage
from limacore.base.files import share, symlink_atomic
from limacore.base.units import format_size
from limacore.errors import ImageError
from limacore.images import qemuimg
from limacore.images.obtain import partial_of
from limacore.model.config import Config
from limacore.paths import InstancePaths

_SECTOR = 512


def adopt_older_names(paths: InstancePaths) -> None:
    """Link the current names to the files of instances made before Lima 2.1, as Lima does."""
    if paths.disk.exists():
        return
    if paths.diffdisk.exists():
        _link(paths.disk, paths.diffdisk)
    if paths.basedisk.exists() and not paths.iso.exists() and diskformat.read(paths.basedisk).format == "iso":
        _link(paths.iso, paths.basedisk)


def _link(link: Path, target: Path) -> None:
    notice.info(f"Creating symlink `{link.name}` -> `{target.name}`")
    symlink_atomic(target.name, link)


async def make(paths: InstancePaths, config: Config, base: DiskImage, name: str) -> None:
    """`diffdisk` over `basedisk` under its relative name, so that the directory may be moved; raw for other drivers."""
    if config.vm_type != "qemu":
        await asyncio.to_thread(_make_raw, paths, config, base, name)
        return
    size, partial = _wanted(config), partial_of(paths.diffdisk)
    backing: list[str] = []
    if base.format != "iso":
        _tell_resize(name, base.size, config.disk_bytes)
        backing = ["-F", base.format, "-b", paths.basedisk.name]
    await qemuimg.run(["create", "-q", "-f", "qcow2", *backing, partial.name, str(size)], paths.dir)
    partial.replace(paths.diffdisk)
    symlink_atomic(paths.diffdisk.name, paths.disk)
    if base.format == "iso":
        symlink_atomic(paths.basedisk.name, paths.iso)


def _make_raw(paths: InstancePaths, config: Config, base: DiskImage, name: str) -> None:
    """One raw `disk`, as Virtualization and krunkit take it; an installer becomes `iso` beside an empty one."""
    partial = partial_of(paths.disk)
    partial.unlink(missing_ok=True)
    if base.format == "iso":
        paths.basedisk.replace(paths.iso)
        partial.touch(0o644)
    else:
        _tell_resize(name, base.size, config.disk_bytes)
        if paths.basedisk.stat().st_nlink == 1:
            paths.basedisk.replace(partial)
        else:  # it is one file with the cache, which must stay as it is
            share(paths.basedisk, partial, link=False)
            paths.basedisk.unlink()
        partial.chmod(0o644)
    os.truncate(partial, _wanted(config))
    partial.replace(paths.disk)


async def grow(paths: InstancePaths, config: Config, name: str) -> None:
    """Give a disk that is there the size of lima.yaml; raises ImageError where that is less or no disk, HostError."""
    image = diskformat.read(paths.disk)
    _require_overlay(paths, config, image)
    wanted = _wanted(config)
    if image.size in (wanted, -1):
        return
    _tell_resize(name, image.size, config.disk_bytes)
    if image.format == "raw":
        os.truncate(paths.disk, wanted)
        return
    await qemuimg.run(["resize", "-q", "-f", image.format, paths.disk.name, str(wanted)], paths.dir)


def _require_overlay(paths: InstancePaths, config: Config, image: DiskImage) -> None:
    """QEMU takes what is no image any more for a raw disk, and would write into it."""
    overlay = config.vm_type == "qemu" and paths.basedisk.exists() and paths.diffdisk.exists()
    if overlay and image.format != "qcow2" and paths.disk.samefile(paths.diffdisk):
        raise ImageError(f"the disk `{paths.diffdisk}` is damaged", detail="it does not begin as a qcow2 image does",
                         hint="put a copy of it back; `factory-reset` makes a new one, without what was in it")


def _wanted(config: Config) -> int:
    return -(-config.disk_bytes // _SECTOR) * _SECTOR


def _tell_resize(name: str, present: int, wanted: int) -> None:
    """Say that a disk gets another size, unless it does not; raises ImageError where that is less."""
    if present == wanted:
        return
    notice.info(f"Resize instance {name}'s disk from {format_size(present)} to {format_size(wanted)}")
    if wanted < present:
        raise ImageError("disk shrinking is not supported", hint=f"set `disk` to {format_size(present)} or more")
