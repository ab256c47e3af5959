"""From a configuration to the files that a machine boots from: base image, overlay, kernel, RAM disk."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from limacore.base import diskformat, proc
from limacore.base.diskformat import DiskImage
from limacore.base.files import share, symlink_atomic, write_atomic
from limacore.base.units import format_size
from limacore.errors import HostError, ImageError
from limacore.images import unpack
from limacore.images.fetch import fetch
from limacore.images.probe import probe
from limacore.model.config import Config, File, Image, Kernel
from limacore.model.job import Progress
from limacore.paths import InstancePaths, cache_dir

if TYPE_CHECKING:
    from limacore.images.build import BuiltImage

Report = Callable[[Progress], None]
BUILT = "build:"
_HEADROOM = 64 << 20
"""Bytes that must stay free beyond what is written: a full disk stops every guest on it."""
_SECTOR = 512
_QEMU_IMG_LIMIT = 120.0


class Prepared(Struct, frozen=True):
    """What the driver gets."""

    disk: Path
    iso: Path | None = None
    kernel: Path | None = None
    initrd: Path | None = None
    cmdline: str = ""


async def prepare(paths: InstancePaths, config: Config, report: Report) -> Prepared:
    """Make what is missing of the main disk; existing disks are kept and only grown.

    Raises ImageError, HostError, UsageError; what was begun is removed then.
    """
    adopt_older_names(paths)
    if not paths.disk.exists():
        await _make_disk(paths, config, report)
    await _grow(paths, config, report)
    return prepared(paths)


def prepared(paths: InstancePaths) -> Prepared:
    """The files that are there now."""
    cmdline = paths.kernel_cmdline.read_text() if paths.kernel_cmdline.exists() else ""
    return Prepared(
        disk=paths.disk, iso=paths.iso if paths.iso.exists() else None,
        kernel=paths.kernel if paths.kernel.exists() else None,
        initrd=paths.initrd if paths.initrd.exists() else None, cmdline=cmdline,
    )


def adopt_older_names(paths: InstancePaths) -> None:
    """Link the current names to the files of instances made before Lima 2.1, as Lima does."""
    if os.path.lexists(paths.disk):
        return
    if paths.diffdisk.exists():
        symlink_atomic(paths.diffdisk.name, paths.disk)
    if paths.basedisk.exists() and not os.path.lexists(paths.iso) and diskformat.read(paths.basedisk).format == "iso":
        symlink_atomic(paths.basedisk.name, paths.iso)


async def _make_disk(paths: InstancePaths, config: Config, report: Report) -> None:
    with _undone(paths):
        base = await _first_usable(paths, config, report)
        report(Progress("disk", f"making a disk of {config.disk}"))
        await _make_overlay(paths, config, base)
        paths.image.unlink(missing_ok=True)
    report(Progress("disk", f"{config.disk} on {base.format}", 1.0))


@contextlib.contextmanager
def _undone(paths: InstancePaths) -> Iterator[None]:
    try:
        yield
    except BaseException:
        made = (paths.disk, paths.iso, paths.diffdisk, paths.basedisk, paths.kernel, paths.initrd, paths.kernel_cmdline)
        for path in (*made, *(_partial(each) for each in made)):
            path.unlink(missing_ok=True)
        raise


def _partial(path: Path) -> Path:
    return path.with_name(f"{path.name}.tmp")


def candidates(config: Config) -> tuple[Image, ...]:
    """Images to try, in order: the first for the architecture decides the variant of all."""
    fitting = [image for image in config.images if image.arch == config.arch]
    if not fitting:
        return ()
    wanted = (fitting[0].variant, fitting[0].arch_variant)
    return tuple(image for image in fitting if (image.variant, image.arch_variant) == wanted)


async def _first_usable(paths: InstancePaths, config: Config, report: Report) -> DiskImage:
    reasons: list[str] = []
    for image in candidates(config):
        try:
            return await _place(image, paths, report)
        except ImageError as error:
            reasons.append(str(error))
            for path in (paths.basedisk, paths.kernel, paths.initrd, paths.kernel_cmdline):
                path.unlink(missing_ok=True)
    if not reasons:
        known = ", ".join(sorted({image.arch for image in config.images})) or "none"
        raise ImageError(f"no image for architecture `{config.arch}`", hint=f"images in the template are for: {known}")
    if len(reasons) == 1:
        raise ImageError("the image cannot be used", detail=reasons[0])
    raise ImageError(f"none of the {len(reasons)} images can be used", detail="; ".join(reasons))


async def _place(image: Image, paths: InstancePaths, report: Report) -> DiskImage:
    if image.location.startswith(BUILT):
        return await _place_built(image.location.removeprefix(BUILT), paths, report)
    await _obtain(image, paths.basedisk, report, decompress=True)
    if image.kernel is not None:
        await _obtain(image.kernel, paths.kernel, report, decompress=True)
        if image.kernel.cmdline:
            write_atomic(paths.kernel_cmdline, image.kernel.cmdline)
    if image.initrd is not None:
        await _obtain(image.initrd, paths.initrd, report, decompress=False)
    return probe(paths.basedisk)


async def _place_built(name: str, paths: InstancePaths, report: Report) -> DiskImage:
    built = await _build(name, report)
    for source, target in ((built.image, paths.basedisk), (built.kernel, paths.kernel), (built.initrd, paths.initrd)):
        await _share(source, target, link=True)
    write_atomic(paths.kernel_cmdline, built.cmdline)
    return probe(paths.basedisk)


async def _build(name: str, report: Report) -> BuiltImage:
    from limacore.images import build

    return await build.build(name, cache_dir(), lambda text, fraction: report(Progress("image", text, fraction)))


async def _obtain(file: File | Kernel | Image, target: Path, report: Report, *, decompress: bool) -> None:
    """Bring one file to `target`, which appears only when complete and checked."""
    if target.exists():
        return
    local = local_path(file.location)
    source = local or await fetch(file.location, file.digest, cache_dir(), report)
    if local is not None:
        await _require_local(local, file.digest)
    kind = unpack.compression_of(source, file.location) if decompress else ""
    if not kind:
        await _share(source, target, link=local is None or source.is_relative_to(cache_dir()))
        return
    _require_space(target.parent, source.stat().st_size)
    name = Path(file.location).name
    await unpack.in_thread(lambda stop: unpack.unpack(
        source, _partial(target), kind, stop, _steps(report, f"decompressing {name}")))
    _partial(target).replace(target)


def _steps(report: Report, text: str) -> unpack.Share:
    told = -1

    def tell(fraction: float) -> None:
        nonlocal told
        if int(fraction * 100) > told:
            told = int(fraction * 100)
            report(Progress("image", text, fraction))

    return tell


def local_path(location: str) -> Path | None:
    """The file that a location without scheme, or with `file://`, names; None for URLs."""
    if location.startswith("file://"):
        return Path(location.removeprefix("file://"))
    return None if "://" in location else Path(location).expanduser()


async def _require_local(path: Path, digest: str) -> None:
    if not path.is_file():
        reason = "is a directory" if path.is_dir() else "no such file or directory"
        raise ImageError(f"the image `{path}` cannot be opened: {reason}", hint="check `location`")
    if digest:
        await unpack.in_thread(lambda stop: unpack.verify(path, digest, stop))


async def _share(source: Path, target: Path, *, link: bool) -> None:
    """Reflink, hard link or copy; a copy needs space, and `target` appears only when complete."""
    partial = _partial(target)
    partial.unlink(missing_ok=True)
    if not (link and source.stat().st_dev == target.parent.stat().st_dev):
        _require_space(target.parent, source.stat().st_blocks * _SECTOR)
    await unpack.in_thread(lambda stop: share(source, partial, link=link))
    partial.replace(target)


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + _HEADROOM:
        raise HostError(f"not enough space for the disk in `{folder}`",
                        detail=f"{format_size(needed + _HEADROOM)} are needed, {format_size(free)} are free",
                        hint="free some space there, or set LIMA_HOME to a larger file system")


async def _make_overlay(paths: InstancePaths, config: Config, base: DiskImage) -> None:
    """`diffdisk` over `basedisk` under its relative name, so that the directory may be moved."""
    size = -(-config.disk_bytes // _SECTOR) * _SECTOR
    partial = _partial(paths.diffdisk)
    _require_space(paths.dir, 0)
    if base.format == "iso":
        await _qemu_img(["create", "-q", "-f", "qcow2", partial.name, str(size)], paths.dir)
    else:
        _require_growth(size, base.size)
        backing = ["-F", base.format, "-b", paths.basedisk.name]
        await _qemu_img(["create", "-q", "-f", "qcow2", *backing, partial.name, str(size)], paths.dir)
    partial.replace(paths.diffdisk)
    symlink_atomic(paths.diffdisk.name, paths.disk)
    if base.format == "iso":
        symlink_atomic(paths.basedisk.name, paths.iso)


def _require_growth(wanted: int, present: int) -> None:
    if wanted < present:
        raise ImageError(f"disk shrinking is not supported: the disk has {format_size(present)}, "
                         f"lima.yaml wants {format_size(wanted)}",
                         hint=f"set `disk` to {format_size(present)} or more")


async def _grow(paths: InstancePaths, config: Config, report: Report) -> None:
    image = diskformat.read(paths.disk)
    wanted = -(-config.disk_bytes // _SECTOR) * _SECTOR
    if image.size == wanted or image.size < 0 or wanted == 0:
        return
    _require_growth(wanted, image.size)
    report(Progress("disk", f"growing the disk from {format_size(image.size)} to {config.disk}"))
    await _qemu_img(["resize", "-q", "-f", image.format, paths.disk.name, str(wanted)], paths.dir)


async def _qemu_img(arguments: list[str], folder: Path) -> None:
    done = await proc.run(["qemu-img", *arguments], timeout=_QEMU_IMG_LIMIT, cwd=folder)
    if done.code:
        reason = (done.stderr or done.stdout).strip().removeprefix("qemu-img: ")
        full = "No space left" in reason
        raise HostError(f"`qemu-img {arguments[0]}` failed in `{folder}`", detail=reason,
                        hint="free some space, then try again" if full else "")


async def build_images(text: str, report: Report) -> str:
    """A template text in which `build:NAME` images are replaced by the files built for them; built when needed."""
    names = _built_names(text)
    if not names:
        return text
    return resolve_build_locators(text, {name: await _build(name, report) for name in names})


def _built_names(text: str) -> list[str]:
    from limacore.base import yamlio

    data = yamlio.load(text)
    images = data.get("images") if isinstance(data, dict) else None
    locations = [str(each.get("location", "")) for each in images or () if isinstance(each, dict)]
    return list(dict.fromkeys(each.removeprefix(BUILT) for each in locations if each.startswith(BUILT)))


def resolve_build_locators(text: str, built: Mapping[str, BuiltImage]) -> str:
    """Write the paths of built files over `build:NAME`, for tools that know no such locator; comments stay."""
    from limacore.config.edit import RoundTrip

    document = RoundTrip(text)
    for image in document.root.get("images") or ():
        location = str(image.get("location", "")) if isinstance(image, dict) else ""
        if location.startswith(BUILT):
            _resolve(image, built[location.removeprefix(BUILT)])
    return document.text()


def _resolve(image: Any, files: BuiltImage) -> None:
    arch = {"arch": str(image["arch"])} if image.get("arch") else {}
    image["location"] = str(files.image)
    # Right after the location: what stands last carries the blank lines and comments that follow the entry.
    place = list(image).index("location") + 1
    image.insert(place, "kernel", {"location": str(files.kernel), **arch, "cmdline": files.cmdline.strip()})
    image.insert(place + 1, "initrd", {"location": str(files.initrd), **arch})


