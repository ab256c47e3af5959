"""Disk images as far as their first bytes tell: format, virtual size, files behind them. No program is run."""

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
_HEAD = 1 << 16
_EXTERNAL_DATA = 1 << 2
_DATA_FILE_NAME = 0x44415441
_LONGEST_NAME = 1023
_DIRTY, _CORRUPT = 1, 2  # incompatible features of qcow2


class DiskImage(Struct, frozen=True):
    """What a header says; `size` is the virtual size in bytes, -1 when the format does not tell us."""

    format: str
    size: int
    backing: str = ""
    version: int = 0
    """Of qcow2: 2 or 3."""
    data_file: str = ""
    """The other file in which a qcow2 image keeps its data."""
    dirty: bool = False
    """Whether a qcow2 image is in use, or was not closed in order."""
    corrupt: bool = False
    """Whether QEMU has marked a qcow2 image as damaged."""


def read(path: Path) -> DiskImage:
    """The image at `path`: qcow2, iso, raw, or another format by name; OSError passes through."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if head.startswith(_QCOW2):
            return _qcow2(head)
        length = file.seek(0, 2)
    if head.startswith(_ISO, _ISO_OFFSET):
        return DiskImage("iso", length)
    for offset, magic, name in _OTHERS:
        if head.startswith(magic, offset):
            return DiskImage(name, -1)
    return DiskImage("raw", length)


def _qcow2(head: bytes) -> DiskImage:
    if len(head) < 72:
        return DiskImage("qcow2", -1)
    version, backing_at, backing_length = struct.unpack_from(">IQI", head, 4)
    (size,) = struct.unpack_from(">Q", head, 24)
    # A name beyond the head is still a name: it must not look like an image without backing file.
    name = head[backing_at : backing_at + min(backing_length, _LONGEST_NAME)] if backing_at else b""
    backing = name.decode(errors="replace") or "?" if backing_at else ""
    if version < 3:
        return DiskImage("qcow2", size, backing, version)
    flags = struct.unpack_from(">Q", head, 72)[0] if len(head) >= 80 else 0
    return DiskImage("qcow2", size, backing, version, _data_file(head), bool(flags & _DIRTY), bool(flags & _CORRUPT))


def _data_file(head: bytes) -> str:
    if len(head) < 104 or not struct.unpack_from(">Q", head, 72)[0] & _EXTERNAL_DATA:
        return ""
    (at,) = struct.unpack_from(">I", head, 100)
    while at + 8 <= len(head):
        kind, length = struct.unpack_from(">II", head, at)
        if kind == _DATA_FILE_NAME:
            return head[at + 8 : at + 8 + length].decode(errors="replace") or "?"
        if not kind:
            break
        at += 8 + -(-length // 8) * 8
    return "?"


def compression(head: bytes) -> str:
    """`gz`, `bz2`, `xz`, `zst` by the first bytes of a file; empty when it is not compressed."""
    return next((name for magic, name in _COMPRESSED if head.startswith(magic)), "")
