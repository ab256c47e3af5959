"""Disk images as far as their first bytes tell: format, virtual size, backing file. No program is run."""

from __future__ import annotations

import struct
from pathlib import Path

from msgspec import Struct

_QCOW2 = b"QFI\xfb"
_ISO_OFFSET, _ISO = 32769, b"CD001"
_OTHERS = (
    (0, b"KDMV", "vmdk"), (0, b"# Disk DescriptorFile", "vmdk"), (0, b"vhdxfile", "vhdx"), (0, b"conectix", "vpc"),
    (0, b"shdw", "asif"), (0x40, b"\x7f\x10\xda\xbe", "vdi"),
)
_COMPRESSED = ((b"\x1f\x8b", "gz"), (b"BZ", "bz2"), (b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zst"))
_HEAD = 32774


class DiskImage(Struct, frozen=True):
    """What a header says; `size` is the virtual size in bytes, -1 when the format does not tell us."""

    format: str
    size: int
    backing: str = ""
    version: int = 0
    """Of qcow2: 2 or 3."""


def read(path: Path) -> DiskImage:
    """The image at `path`: qcow2, iso, raw, or another format by name; OSError passes through."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if head.startswith(_QCOW2):
            return _qcow2(head)
        length = file.seek(0, 2)
    if head[_ISO_OFFSET:] == _ISO:
        return DiskImage("iso", length)
    for offset, magic, name in _OTHERS:
        if head[offset : offset + len(magic)] == magic:
            return DiskImage(name, -1)
    return DiskImage("raw", length)


def _qcow2(head: bytes) -> DiskImage:
    if len(head) < 72:
        return DiskImage("qcow2", -1)
    version, backing_at, backing_length = struct.unpack_from(">IQI", head, 4)
    (size,) = struct.unpack_from(">Q", head, 24)
    backing = ""
    if backing_at:
        # A name beyond the head is still a name: it must not look like an image without backing file.
        name = head[backing_at : backing_at + min(backing_length, 1023)]
        backing = name.decode(errors="replace") or "?"
    return DiskImage("qcow2", size, backing, version)


def compression(head: bytes) -> str:
    """`gz`, `bz2`, `xz`, `zst` by the first bytes of a file; empty when it is not compressed."""
    return next((name for magic, name in _COMPRESSED if head.startswith(magic)), "")
