"""Images in a form that the driver takes: as they are, or as raw files, kept in the cache where they came from."""

from __future__ import annotations

from pathlib import Path

from limacore.base import notice
from limacore.base.diskformat import DiskImage
from limacore.base.files import write_atomic
from limacore.base.goquote import quoted
from limacore.images import qcow2, qemuimg
from limacore.images.cache import Entry, make_private
from limacore.images.digest import Hashing
from limacore.images.probe import refuse_others
from limacore.images.unpack import feed, in_thread

_TAKEN = {"qemu": ("qcow2", "raw", "iso")}
_TAKEN_BY_OTHERS = ("raw", "iso")
_DEFAULT_ALGORITHM = "sha256"


def is_taken(image: DiskImage, vm_type: str) -> bool:
    """Whether the driver takes the image as it is; of vmdk and its like the size cannot be changed, so it does not."""
    return image.format in _TAKEN.get(vm_type, _TAKEN_BY_OTHERS)


async def to_raw(source: Path, image: DiskImage, target: Path, name: str = "") -> None:
    """Write the raw form of `source`, called `name`, to `target`, whole or not at all. Raises ImageError, HostError."""
    partial = target.with_name(f"{target.name}.tmp")
    try:
        if image.format == "qcow2" and qcow2.is_plain(source):
            await in_thread(lambda stop: qcow2.to_raw(source, partial, stop))
        else:
            backing, extent = await qemuimg.others(source, image.format)
            refuse_others(name or str(source), backing=backing, extent=extent)
            await qemuimg.convert(source, image.format, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


async def in_cache(entry: Entry, image: DiskImage, digest: str) -> Path:
    """The raw form of a download, made once and kept beside it with a digest of its own."""
    async with entry.held():
        target = entry.converted
        if not _is_current(entry):
            make_private(target.parent)
            notice.info(f"Converting {image.format} image to raw sparse format in cache: {quoted(str(target))}")
            await to_raw(entry.data, image, target, entry.url)
            found = await _digest(target, digest.partition(":")[0] or _DEFAULT_ALGORITHM)
            write_atomic(entry.converted_digest, found)
        return target


def _is_current(entry: Entry) -> bool:
    try:
        newer = entry.converted.stat().st_mtime_ns >= entry.data.stat().st_mtime_ns
    except FileNotFoundError:
        return False
    return newer and entry.converted_digest.exists()


async def _digest(path: Path, algorithm: str) -> str:
    hashing = Hashing.by(algorithm)
    await in_thread(lambda stop: feed(path, hashing, stop))
    return hashing.found
