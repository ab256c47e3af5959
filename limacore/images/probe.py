"""Whether a file may become a main disk: format by its header, nothing behind it."""

from __future__ import annotations

from pathlib import Path

from limacore.base import diskformat
from limacore.base.diskformat import DiskImage
from limacore.base.goquote import ticked
from limacore.errors import ImageError

_TEXT_SIGNS = (b"<!doctype", b"<html", b"<?xml", b"{", b"version https://git-lfs")
_QCOW2_VERSIONS = (2, 3)
_FLATTEN = "flatten it first: qemu-img convert -O qcow2 IMAGE NEW"


class UnfitError(ImageError):
    """The file is there, and a guest cannot have it as its disk."""

    def __init__(self, name: str, reason: str, hint: str = "") -> None:
        super().__init__(f"file {ticked(name)} is not acceptable as a disk image", detail=reason, hint=hint)


def probe(path: Path, name: str = "") -> DiskImage:
    """The image at `path`, called `name` in messages; raises UnfitError, and ImageError when it cannot be read."""
    name = name or str(path)
    try:
        image = diskformat.read(path)
    except OSError as error:
        raise ImageError(f"failed to open source {name}", detail=error.strerror or "") from error
    refuse_others(name, backing=image.backing, extent=image.data_file)
    if image.format == "qcow2" and (image.version not in _QCOW2_VERSIONS or image.size <= 0):
        raise UnfitError(name, "its qcow2 header is damaged", "download it again")
    if image.format == "raw":
        _refuse_text(path, name, image.size)
    return image


def refuse_others(name: str, *, backing: str = "", extent: str = "") -> None:
    """Raise UnfitError when an image names other files: a guest would read what they hold."""
    if backing:
        raise UnfitError(name, f"base disk ({ticked(name)}) must not have a backing file ({ticked(backing)})",
                         _FLATTEN)
    if extent:
        raise UnfitError(name, f"base disk ({ticked(name)}) must not have an extent file ({ticked(extent)})",
                         _FLATTEN)


def _refuse_text(path: Path, name: str, size: int) -> None:
    """A server's error page is no disk, though any bytes pass as a raw one."""
    if size == 0:
        raise UnfitError(name, "it is empty", "check its location")
    with path.open("rb") as file:
        head = file.read(512)
    if head.lstrip().lower().startswith(_TEXT_SIGNS) and b"\0" not in head:
        raise UnfitError(name, f"it is a text, not a disk: {head[:60].decode(errors='replace')!r}",
                         "check its location in a browser")
