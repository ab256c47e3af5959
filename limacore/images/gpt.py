"""A GUID partition table, written into an image file without any tool. Source: UEFI specification, chapter 5."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import BinaryIO
from uuid import UUID

from msgspec import Struct

SECTOR = 512
EFI_SYSTEM = UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
LINUX_ROOT = UUID("4f68bce3-e8cd-4db1-96e7-fbcaf984b709")
"""Root of an x86-64 Linux, from the discoverable partitions specification."""

_ENTRIES, _ENTRY_SIZE = 128, 128
_TABLE_SECTORS = _ENTRIES * _ENTRY_SIZE // SECTOR
_MIDDLE = "<8sIIIIQQQQ16sQIII"


class Partition(Struct, frozen=True):
    """A partition; `start` and `size` are bytes, `number` counts from 1."""

    number: int
    kind: UUID
    uuid: UUID
    start: int
    size: int
    name: str


def disk_size(end: int) -> int:
    """Bytes of a disk whose last partition ends at `end`: the second copy of the table follows."""
    return end + (_TABLE_SECTORS + 1) * SECTOR


def write(disk: BinaryIO, size: int, uuid: UUID, partitions: Iterable[Partition]) -> None:
    """Write the protective MBR and both copies of the table onto a disk of `size` bytes."""
    table = _table(partitions)
    last = size // SECTOR - 1
    disk.seek(0)
    disk.write(_protective_mbr(last) + _header(1, last, 2, uuid, table) + table)
    disk.seek((last - _TABLE_SECTORS) * SECTOR)
    disk.write(table + _header(last, 1, last - _TABLE_SECTORS, uuid, table))


def _protective_mbr(last: int) -> bytes:
    entry = struct.pack("<B3sB3sII", 0, b"\x00\x02\x00", 0xEE, b"\xff\xff\xff", 1, min(last, 0xFFFFFFFF))
    return b"\0" * 446 + entry + b"\0" * 48 + b"\x55\xaa"


def _table(partitions: Iterable[Partition]) -> bytes:
    table = bytearray(_ENTRIES * _ENTRY_SIZE)
    for each in partitions:
        first, last = each.start // SECTOR, (each.start + each.size) // SECTOR - 1
        struct.pack_into("<16s16sQQQ72s", table, (each.number - 1) * _ENTRY_SIZE, each.kind.bytes_le,
                         each.uuid.bytes_le, first, last, 0, each.name.encode("utf-16-le"))
    return bytes(table)


def _header(here: int, other: int, table_at: int, uuid: UUID, table: bytes) -> bytes:
    end = max(here, other)
    first_usable, last_usable = 2 + _TABLE_SECTORS, end - _TABLE_SECTORS - 1

    def packed(checksum: int) -> bytes:
        return struct.pack(_MIDDLE, b"EFI PART", 0x10000, struct.calcsize(_MIDDLE), checksum, 0, here, other,
                           first_usable, last_usable, uuid.bytes_le, table_at, _ENTRIES, _ENTRY_SIZE,
                           zlib.crc32(table))

    return packed(zlib.crc32(packed(0))).ljust(SECTOR, b"\0")
