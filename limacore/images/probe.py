"""Whether a file may become a main disk: format by its header, nothing behind it."""

from __future__ import annotations

from pathlib import Path

from limacore.base import diskformat
from limacore.base.diskformat import DiskImage
from limacore.errors import ImageError

_USABLE = ("qcow2", "raw", "iso")
_TEXT_SIGNS = (b"<!doctype", b"<html", b"<?xml", b"{", b"version https://git-lfs")
_QCOW2_VERSIONS = (2, 3)


def probe(path: Path) -> DiskImage:
    """The image at `path`; raises ImageError for what a guest cannot have as its disk."""
    try:
        image = diskformat.read(path)
    except OSError as error:
        raise ImageError(f"cannot read the image `{path}`", detail=error.strerror or "") from error
    if image.backing:
        raise ImageError(f"the image `{path}` needs another file, `{image.backing}`",
                         hint="flatten it first: qemu-img convert -O qcow2 IMAGE NEW")
    if image.format not in _USABLE:
        raise ImageError(f"the image `{path}` is in {image.format} format",
                         hint="convert it first: qemu-img convert -O qcow2 IMAGE NEW")
    if image.format == "qcow2" and (image.version not in _QCOW2_VERSIONS or image.size <= 0):
        raise ImageError(f"the image `{path}` has a damaged qcow2 header", hint="download it again")
    if image.format == "raw":
        _refuse_text(path, image.size)
    return image


def _refuse_text(path: Path, size: int) -> None:
    """A server's error page is no disk, though any bytes pass as a raw one."""
    if size == 0:
        raise ImageError(f"the image `{path}` is empty", hint="check its location")
    with path.open("rb") as file:
        head = file.read(512)
    if head.lstrip().lower().startswith(_TEXT_SIGNS) and b"\0" not in head:
        raise ImageError(f"the image `{path}` is a text, not a disk", detail=head[:60].decode(errors="replace"),
                         hint="check its location in a browser")
