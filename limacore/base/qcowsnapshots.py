"""The snapshots in a qcow2 image, and whether its disk is still what it was at one of them. No program is run.

Source of the format: docs/interop/qcow2.rst of QEMU.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

_MAGIC = b"QFI\xfb"
_ENTRY = struct.Struct(">QIHHIIQII")
_PLACE = 0x00FFFFFFFFFFFE00
"""The bits of a first-level entry that say where its table is; the highest bit only counts owners."""
_EXTENDED_L2 = 1 << 4
_MOST_SNAPSHOTS, _MOST_TABLE = 65536, 32 << 20


class _Head(Struct, frozen=True):
    cluster_bits: int
    now: tuple[int, int]
    """Place and number of the first-level entries."""
    size: int
    count: int
    at: int
    wide: bool

    @property
    def entries(self) -> int:
        """How many first-level entries the disk of the guest takes: those beyond describe saved memory."""
        per_table = (1 << self.cluster_bits) // (16 if self.wide else 8)
        return -(-self.size // (per_table << self.cluster_bits))


class _Row(Struct, frozen=True):
    tag: str
    table: tuple[int, int]
    size: int


def tags(path: Path) -> tuple[str, ...]:
    """The names of the snapshots in the image; none in an image of another format. Raises OSError."""
    with path.open("rb") as file:
        head = _head(file)
        return tuple(row.tag for row in _rows(file, head)) if head else ()


def is_untouched(path: Path, tag: str) -> bool:
    """Whether nobody has written to the disk since the snapshot `tag` was taken, which must be there.

    Writing makes new tables, since the snapshot owns the old ones. Raises OSError."""
    with path.open("rb") as file:
        head = _head(file)
        row = next((row for row in _rows(file, head) if row.tag == tag), None) if head else None
        if head is None or row is None or row.size != head.size:
            return False
        return _tables(file, head.now, head.entries) == _tables(file, row.table, head.entries)


def _head(file: BinaryIO) -> _Head | None:
    raw = file.read(112)
    if len(raw) < 72 or not raw.startswith(_MAGIC):
        return None
    version, cluster_bits, size, _, entries, at, count, snapshots = struct.unpack_from(">I12xIQIIQ12xIQ", raw, 4)
    if not 9 <= cluster_bits <= 21:
        return None
    features = struct.unpack_from(">Q", raw, 72)[0] if version >= 3 and len(raw) >= 80 else 0
    return _Head(cluster_bits, (at, entries), size, min(count, _MOST_SNAPSHOTS), snapshots,
                 bool(features & _EXTENDED_L2))


def _rows(file: BinaryIO, head: _Head) -> list[_Row]:
    rows, at = [], head.at
    for _ in range(head.count):
        file.seek(at)
        raw = file.read(_ENTRY.size)
        if len(raw) < _ENTRY.size:
            break
        table, entries, id_size, tag_size, _, _, _, _, more = _ENTRY.unpack(raw)
        tail = file.read(min(more, _MOST_TABLE) + id_size + tag_size)
        size = struct.unpack_from(">Q", tail, 8)[0] if more >= 16 and len(tail) >= 16 else head.size
        rows.append(_Row(tail[more + id_size:].decode(errors="replace"), (table, entries), size))
        at += -(-(_ENTRY.size + more + id_size + tag_size) // 8) * 8
    return rows


def _tables(file: BinaryIO, where: tuple[int, int], wanted: int) -> list[int]:
    at, entries = where
    file.seek(at)
    raw = file.read(min(8 * min(entries, wanted), _MOST_TABLE))
    found = [entry & _PLACE for (entry,) in struct.iter_unpack(">Q", raw[: len(raw) // 8 * 8])]
    return found + [0] * (wanted - len(found))
