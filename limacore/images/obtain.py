"""One file that a configuration names, local or of a server, brought into place; told in limactl's words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from limacore.base import notice
from limacore.base.files import share
from limacore.base.goquote import ticked
from limacore.errors import HostError, ImageError, LimaError
from limacore.images import codecs, convert, space, unpack
from limacore.images.cache import Entry
from limacore.images.digest import Hashing
from limacore.images.fetch import fetch
from limacore.images.meter import Meter, Report
from limacore.images.probe import UnfitError, probe
from limacore.model.config import File
from limacore.paths import cache_dir, expanded

_SECTOR = 512
_HINT = "free some space there, or set LIMA_HOME to a larger file system"


class Source(Struct, frozen=True):
    """The bytes of a file on this computer, as they were served."""

    path: Path
    name: str
    """How messages call it."""
    digest: str = ""
    """What the bytes still have to be compared with; empty when that was done, or nothing was promised."""
    remote: bool = False
    cached: bool = False
    linkable: bool = False
    """Nobody writes to the file, so that it may be shared as it is."""


def local_path(location: str) -> Path | None:
    """The file that a location without scheme, or with `file://`, names; None for URLs."""
    if location.startswith("file://"):
        return Path(location.removeprefix("file://"))
    return None if "://" in location else expanded(location).absolute()


def partial_of(path: Path) -> Path:
    """The name under which a file is written before it is complete."""
    return path.with_name(f"{path.name}.tmp")


async def obtain(
    file: File, target: Path, what: str, report: Report, *, decompress: bool = True, disk_for: str = ""
) -> None:
    """Bring one file to `target`, which appears only when complete and checked; one that is there is kept.

    `disk_for` is the driver that has it as a disk: then it is probed, and converted where the driver needs that.
    Raises UnfitError for what is no disk, other ImageErrors and HostErrors beginning with `failed to download`.
    """
    if target.exists():
        return
    _attempt(file, what)
    with _failure(file):
        source = await _source(file, what, report)
        kind = codecs.kind_of(source.path, file.location) if decompress else ""
        if kind:
            await _unpack(source, kind, target, what, report)
        else:
            await _copy(source, target, disk_for)
        if kind and disk_for:
            await _converted(target, file.location, disk_for)
    _done(file, what, source)


async def cached(file: File, what: str, report: Report) -> Path:
    """A file in the cache, or where it is when it is local; raises ImageError and HostError as `obtain` does."""
    _attempt(file, what)
    with _failure(file):
        source = await _source(file, what, report)
        await _verify(source)
    _done(file, what, source)
    return source.path


async def silently(file: File) -> Path | None:
    """A file that is local, or cached and fits its digest; None when it would have to be downloaded."""
    if local := local_path(file.location):
        return local if local.is_file() else None
    try:
        entry = Entry.of(cache_dir(), file.location)
        if not entry.data.exists() or entry.recorded_digest(file.digest) != file.digest:
            return None
        await _verify(Source(entry.data, file.location, file.digest))
    except LimaError:
        return None
    return entry.data


def _attempt(file: File, what: str) -> None:
    notice.info(f"Attempting to download {what}", location=file.location, arch=file.arch, digest=file.digest)


def _done(file: File, what: str, source: Source) -> None:
    notice.info(f"Using cache {ticked(str(source.path))}" if source.cached
                else f"Downloaded {what} from {ticked(file.location)}")


@contextlib.contextmanager
def _failure(file: File) -> Iterator[None]:
    """Puts before what failed which file it was."""
    try:
        yield
    except UnfitError:
        raise
    except (ImageError, HostError) as error:
        detail = ": ".join(part for part in (error.message, error.detail) if part)
        kind = HostError if isinstance(error, HostError) else ImageError
        raise kind(f"failed to download {ticked(file.location)}", detail=detail, hint=error.hint) from error


async def _source(file: File, what: str, report: Report) -> Source:
    local = local_path(file.location)
    if local is None:
        got = await fetch(file.location, file.digest, cache_dir(), report, what=what)
        digest = "" if got.verified else file.digest
        return Source(got.path, file.location, digest, remote=True, cached=got.cached, linkable=True)
    if not local.is_file():
        raise _not_openable(local)
    return Source(local, str(local), file.digest, linkable=local.is_relative_to(cache_dir()))


def _not_openable(path: Path) -> ImageError:
    if path.is_dir():
        return ImageError("copy_file_range failed: is a directory", hint="`location` must name a file")
    try:
        path.stat()
        why = "not a regular file"
    except OSError as error:
        why = (error.strerror or str(error)).lower()
    return ImageError(f"failed to open source {path}: open {path}: {why}", hint="check `location`")


async def _verify(source: Source) -> None:
    if source.digest:
        hashing = Hashing(source.digest)
        await unpack.in_thread(lambda stop: unpack.verify(source.path, hashing, stop))


async def _unpack(source: Source, kind: str, target: Path, what: str, report: Report) -> None:
    size = source.path.stat().st_size
    space.require(target.parent, size, _HINT)
    name = Path(source.name).name
    told = "Decompressing data" if source.remote and not source.cached else f"Decompressing {what} ({name})"
    notice.info(told)
    meter = Meter("unpack", f"{what} ({name})", size, report)
    hashing = Hashing(source.digest)
    await unpack.in_thread(lambda stop: unpack.unpack(source.path, partial_of(target), kind, hashing, stop, meter.at))
    meter.finish()
    partial_of(target).replace(target)


async def _copy(source: Source, target: Path, disk_for: str) -> None:
    """Reflink, hard link, copy or conversion, after a check; a copy needs space."""
    await _verify(source)
    if disk_for:
        image = probe(source.path, source.name)
        if not convert.is_taken(image, disk_for):
            if not source.remote:
                notice.info(f"Converting {image.format} image to raw sparse format")
                await convert.to_raw(source.path, image, target)
                return
            path = await convert.in_cache(Entry.of(cache_dir(), source.name), image, source.digest)
            source = Source(path, source.name, remote=True, linkable=True)
    partial = partial_of(target)
    partial.unlink(missing_ok=True)
    if not (source.linkable and source.path.stat().st_dev == target.parent.stat().st_dev):
        space.require(target.parent, source.path.stat().st_blocks * _SECTOR, _HINT)
    await unpack.in_thread(lambda stop: share(source.path, partial, link=source.linkable))
    partial.replace(target)


async def _converted(target: Path, name: str, disk_for: str) -> None:
    """Check what came out of a decompression, and convert it in place where the driver needs that."""
    try:
        image = probe(target, name)
        if not convert.is_taken(image, disk_for):
            notice.info(f"Converting {image.format} image to raw sparse format")
            await convert.to_raw(target, image, target, name)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
