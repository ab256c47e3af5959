"""A FAT16 volume with a few files of short names: enough for an EFI system partition."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import PurePosixPath

SECTOR, CLUSTER = 512, 2048
"""Bytes of both; a volume of 10 to 128 MB then has as many clusters as make it FAT16."""

_RESERVED, _ROOT_ENTRIES, _ENTRY = 4, 512, 32
_FIRST, _LAST = 2, 0xFFFF
_DIRECTORY, _ARCHIVE, _LABEL = 0x10, 0x20, 0x08
_DATE = 1 << 5 | 1  # 1980-01-01: the same files make the same volume


def volume(files: Mapping[str, bytes], size: int, label: str, serial: int) -> bytes:
    """The bytes of a volume of `size` bytes; names like `EFI/BOOT/GRUB.CFG`, each part at most 8.3.

    Raises ValueError for other names and for what has no room.
    """
    return _Volume(size).filled(files, label, serial)


class _Volume:
    def __init__(self, size: int) -> None:
        self._sectors = size // SECTOR
        self._fat_sectors = -(-(self._sectors // (CLUSTER // SECTOR) + _FIRST) * 2 // SECTOR)
        begin = _RESERVED + 2 * self._fat_sectors + _ROOT_ENTRIES * _ENTRY // SECTOR
        self._most = (self._sectors - begin) // (CLUSTER // SECTOR)
        if not 4085 <= self._most < 65525:
            raise ValueError(f"{size} bytes do not make a FAT16 volume")
        self._fat = [0xFFF8, _LAST]
        self._data = bytearray()

    def filled(self, files: Mapping[str, bytes], label: str, serial: int) -> bytes:
        root = _entry(_padded(label, 11), _LABEL, 0, 0) + self._directory(_tree(files), None)
        if len(root) > _ROOT_ENTRIES * _ENTRY:
            raise ValueError("too many files at the top of the volume")
        fat = struct.pack(f"<{len(self._fat)}H", *self._fat).ljust(self._fat_sectors * SECTOR, b"\0")
        parts = (self._boot_sector(label, serial).ljust(_RESERVED * SECTOR, b"\0"), fat, fat,
                 root.ljust(_ROOT_ENTRIES * _ENTRY, b"\0"), self._data)
        return b"".join(parts).ljust(self._sectors * SECTOR, b"\0")

    def _boot_sector(self, label: str, serial: int) -> bytes:
        small = self._sectors if self._sectors < 0x10000 else 0
        head = struct.pack("<3s8sHBHBHHBHHHII", b"\xeb\x3c\x90", b"MSWIN4.1", SECTOR, CLUSTER // SECTOR, _RESERVED, 2,
                           _ROOT_ENTRIES, small, 0xF8, self._fat_sectors, 63, 255, 0, 0 if small else self._sectors)
        tail = struct.pack("<BBBI11s8s", 0x80, 0, 0x29, serial, _padded(label, 11), b"FAT16   ")
        return (head + tail).ljust(SECTOR - 2, b"\0") + b"\x55\xaa"

    def _directory(self, content: _Tree, parent: int | None) -> bytes:
        entries = b""
        for name, value in sorted(content.items()):
            short = _short(name)
            if isinstance(value, bytes):
                entries += _entry(short, _ARCHIVE, self._store(value), len(value))
            else:
                entries += _entry(short, _DIRECTORY, self._subdirectory(value, parent or 0), 0)
        return entries

    def _subdirectory(self, content: _Tree, parent: int) -> int:
        here = self._store(b"\0" * CLUSTER)
        at = (here - _FIRST) * CLUSTER
        dots = _entry(b".".ljust(11), _DIRECTORY, here, 0) + _entry(b"..".ljust(11), _DIRECTORY, parent, 0)
        entries = dots + self._directory(content, here)
        if len(entries) > CLUSTER:
            raise ValueError("too many files in one directory")
        self._data[at:at + len(entries)] = entries
        return here

    def _store(self, content: bytes) -> int:
        """The first cluster of `content`, 0 for none."""
        count = -(-len(content) // CLUSTER)
        first = len(self._fat)
        if first + count - _FIRST > self._most:
            raise ValueError("the files do not fit into the volume")
        self._fat += [*range(first + 1, first + count), _LAST] if count else []
        self._data += content.ljust(count * CLUSTER, b"\0")
        return first if count else 0


_Tree = dict[str, "bytes | _Tree"]


def _tree(files: Mapping[str, bytes]) -> _Tree:
    root: _Tree = {}
    for name, content in files.items():
        *folders, last = PurePosixPath(name).parts
        place = root
        for folder in folders:
            deeper = place.setdefault(folder, {})
            if isinstance(deeper, bytes):
                raise ValueError(f"`{folder}` is a file and a directory")
            place = deeper
        place[last] = content
    return root


def _short(name: str) -> bytes:
    stem, _, ending = name.upper().partition(".")
    if not 0 < len(stem) <= 8 or len(ending) > 3 or "." in ending or not (stem + ending).isascii():
        raise ValueError(f"`{name}` is no name of at most eight letters, a dot and three")
    return _padded(stem, 8) + _padded(ending, 3)


def _padded(text: str, length: int) -> bytes:
    return text.upper().encode("ascii").ljust(length)[:length]


def _entry(short: bytes, kind: int, first: int, size: int) -> bytes:
    return struct.pack("<11sBBBHHHHHHHI", short, kind, 0, 0, 0, _DATE, _DATE, 0, 0, _DATE, first, size)
