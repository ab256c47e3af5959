"""From a configuration to the files that a machine boots from: base image, overlay, kernel, RAM disk, firmware."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from limacore.base.diskformat import DiskImage
from limacore.base.files import share, write_atomic
from limacore.errors import ImageError
from limacore.images import disk, extras, locators, unpack
from limacore.images.candidates import all_failed, candidates
from limacore.images.meter import Report
from limacore.images.obtain import obtain, partial_of
from limacore.images.probe import probe
from limacore.model.config import Config, Image
from limacore.paths import InstancePaths


class Prepared(Struct, frozen=True):
    """What the driver gets."""

    disk: Path
    iso: Path | None = None
    kernel: Path | None = None
    initrd: Path | None = None
    cmdline: str = ""
    nerdctl: Path | None = None
    """The archive with containerd, where the guest gets one."""


async def prepare(paths: InstancePaths, config: Config, report: Report, *, name: str = "") -> Prepared:
    """Make what is missing of the main disk; existing disks are kept and only grown. `name` is for messages.

    Raises ImageError, HostError, UsageError; what was begun is removed then.
    """
    name = name or paths.name
    if config.vm_type == "wsl2":
        return await _root_file_system(paths, config, report)
    disk.adopt_older_names(paths)
    existing = paths.disk.exists()
    if existing:
        await disk.grow(paths, config, name)
    else:
        await _make(paths, config, report, name)
    await extras.firmware(paths, config, report)
    return prepared(paths, await extras.nerdctl(config, report, existing=existing))


def prepared(paths: InstancePaths, nerdctl: Path | None = None) -> Prepared:
    """The files that are there now."""
    cmdline = paths.kernel_cmdline.read_text() if paths.kernel_cmdline.exists() else ""
    return Prepared(
        disk=paths.disk, iso=paths.iso if paths.iso.exists() else None,
        kernel=paths.kernel if paths.kernel.exists() else None,
        initrd=paths.initrd if paths.initrd.exists() else None, cmdline=cmdline, nerdctl=nerdctl,
    )


async def _root_file_system(paths: InstancePaths, config: Config, report: Report) -> Prepared:
    """What WSL imports at the first start: an archive, of which WSL itself makes a disk."""
    existing = paths.basedisk.exists()
    if not existing:
        with _undone(paths):
            await _first_usable(paths, config, report)
    return prepared(paths, await extras.nerdctl(config, report, existing=existing))


async def _make(paths: InstancePaths, config: Config, report: Report, name: str) -> None:
    with _undone(paths):
        base = await _first_usable(paths, config, report)
        await disk.make(paths, config, base, name)
        paths.image.unlink(missing_ok=True)


@contextlib.contextmanager
def _undone(paths: InstancePaths) -> Iterator[None]:
    try:
        yield
    except BaseException:
        made = (paths.disk, paths.iso, paths.diffdisk, paths.basedisk, paths.kernel, paths.initrd, paths.kernel_cmdline)
        for path in (*made, *(partial_of(each) for each in made)):
            path.unlink(missing_ok=True)
        raise


async def _first_usable(paths: InstancePaths, config: Config, report: Report) -> DiskImage:
    errors: list[ImageError] = []
    for image in candidates(config):
        try:
            return await _place(image, paths, config, report)
        except ImageError as error:
            errors.append(error)
            for path in (paths.basedisk, paths.kernel, paths.initrd, paths.kernel_cmdline):
                path.unlink(missing_ok=True)
    raise all_failed(errors)


async def _place(image: Image, paths: InstancePaths, config: Config, report: Report) -> DiskImage:
    if locators.is_built(image.location):
        return await _place_built(image.location, paths, report)
    if config.vm_type == "wsl2":
        await obtain(image, paths.basedisk, "the image", report)
        return DiskImage("tar", -1)
    await obtain(image, paths.basedisk, "the image", report, disk_for=config.vm_type)
    if image.kernel is not None:
        await obtain(image.kernel, paths.kernel, "the kernel", report)
        if image.kernel.cmdline:
            write_atomic(paths.kernel_cmdline, image.kernel.cmdline)
    if image.initrd is not None:
        await obtain(image.initrd, paths.initrd, "the initrd", report, decompress=False)
    return probe(paths.basedisk, image.location)


async def _place_built(location: str, paths: InstancePaths, report: Report) -> DiskImage:
    built = await locators.build(location, report)
    for source, target in ((built.image, paths.basedisk), (built.kernel, paths.kernel), (built.initrd, paths.initrd)):
        if source is not None:
            await unpack.in_thread(lambda stop, source=source, target=target: share(source, target))  # type: ignore[misc]
    if built.kernel is not None:
        write_atomic(paths.kernel_cmdline, built.cmdline)
    return probe(paths.basedisk, location)
