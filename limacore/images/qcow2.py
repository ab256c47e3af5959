"""A qcow2 image as a raw file: clusters are decompressed on all processors, holes stay holes.

Source of the format: docs/interop/qcow2.rst of QEMU.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec import Struct

from limacore.base import diskformat
from limacore.base.files import write_failed
from limacore.errors import ImageError
from limacore.images import codecs
from limacore.images.unpack import Stopped, runs

_COMPRESSED, _OFFSET_MASK, _ZERO = 1 << 62, 0x00FFFFFFFFFFFE00, 1
_DIRTY, _OTHER_COMPRESSION = 1 << 0, 1 << 3
_HARMLESS = _DIRTY | _OTHER_COMPRESSION
_ZLIB, _ZSTD = 0, 1
_RAW_DEFLATE = -15
_SECTOR, _ENTRY = 512, 8
_SLICE = 64
"""Clusters that one thread takes at a time: a whole table is half a gigabyte of the disk."""
_MOST_WORKERS = 8
_BLOCK = 1 << 20


class Layout(Struct, frozen=True):
    """What the header says."""

    size: int
    cluster_bits: int
    l1_at: int
    l1_entries: int
    compression: int

    @property
    def cluster(self) -> int:
        """Bytes of a cluster."""
        return 1 << self.cluster_bits

    @property
    def per_table(self) -> int:
        """Clusters that one second-level table describes."""
        return self.cluster // 8


class Extent(Struct, frozen=True):
    """Some clusters: where they lie in the raw file and in the image; one of them when compressed."""

    guest: int
    host: int
    length: int
    compressed: bool = False


def is_plain(path: Path) -> bool:
    """Whether the image stands alone, is not encrypted, and uses no feature that `to_raw` does not know."""
    head = _head(path)
    if diskformat.read(path).backing or len(head) < 72 or struct.unpack_from(">I", head, 32)[0]:
        return False
    features = struct.unpack_from(">Q", head, 72)[0] if struct.unpack_from(">I", head, 4)[0] >= 3 else 0
    return not features & ~_HARMLESS and _layout(head).compression in (_ZLIB, _ZSTD)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(112)


def _layout(head: bytes) -> Layout:
    version, cluster_bits, size, _, l1_entries, l1_at = struct.unpack_from(">I12xIQIIQ", head, 4)
    long = version >= 3 and struct.unpack_from(">Q", head, 72)[0] & _OTHER_COMPRESSION
    return Layout(size, cluster_bits, l1_at, l1_entries, head[104] if long else _ZLIB)


def to_raw(source: Path, target: Path, stop: threading.Event) -> None:
    """Write the raw form of a plain image; raises ImageError, HostError, and leaves no target then."""
    try:
        with source.open("rb") as image, target.open("wb") as out:
            layout = _layout(_head(source))
            out.truncate(layout.size)
            _Conversion(layout, image.fileno(), out.fileno(), stop).run()
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, (zlib.error, struct.error, EOFError, codecs.CorruptError)):
            raise ImageError(f"{source} is damaged", detail=str(error), hint="download it again") from error
        if isinstance(error, OSError):
            raise write_failed(target, error) from error
        raise


class _Conversion:
    def __init__(self, layout: Layout, image: int, out: int, stop: threading.Event) -> None:
        self.layout, self.image, self.out, self.stop = layout, image, out, stop
        self.inflate = _inflater(layout.compression)

    def run(self) -> None:
        with ThreadPoolExecutor(min(2 * (os.cpu_count() or 1), _MOST_WORKERS)) as pool:
            work = [pool.submit(self._slice, first, at) for first, at in self._slices()]
            try:
                for each in work:
                    each.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _slices(self) -> Iterator[tuple[int, int]]:
        """Number of the first cluster, and where its entry is: one table is too much for one thread."""
        per_table = self.layout.per_table
        l1 = self._read(self.layout.l1_at, self.layout.l1_entries * _ENTRY)
        for number, (entry,) in enumerate(struct.iter_unpack(">Q", l1)):
            if table := entry & _OFFSET_MASK:
                for index in range(0, per_table, _SLICE):
                    yield number * per_table + index, table + index * _ENTRY

    def _slice(self, first: int, at: int) -> None:
        count = min(_SLICE, self.layout.per_table)
        entries = struct.unpack(f">{count}Q", self._read(at, count * _ENTRY))
        for extent in extents(self.layout, first, entries):
            if self.stop.is_set():
                raise Stopped
            if extent.compressed:
                self._write(self._inflated(extent), extent.guest)
            else:
                self._copy(extent)

    def _inflated(self, extent: Extent) -> bytes:
        block = self.inflate(os.pread(self.image, extent.length, extent.host), self.layout.cluster)
        wanted = min(self.layout.cluster, self.layout.size - extent.guest)
        if len(block) < wanted:
            raise EOFError("a cluster ends too early")
        return block[:wanted]

    def _copy(self, extent: Extent) -> None:
        done, length = 0, min(extent.length, self.layout.size - extent.guest)
        while done < length:
            block = self._read(extent.host + done, min(_BLOCK, length - done))
            self._write(block, extent.guest + done)
            done += len(block)

    def _write(self, block: bytes, at: int) -> None:
        view = memoryview(block)
        for is_hole, start, end in runs(block):
            while not is_hole and start < end:
                start += os.pwrite(self.out, view[start:end], at + start)

    def _read(self, at: int, length: int) -> bytes:
        data = os.pread(self.image, length, at)
        if len(data) != length:
            raise EOFError("it ends too early")
        return data


def extents(layout: Layout, first: int, entries: tuple[int, ...]) -> Iterator[Extent]:
    """What entries of a second-level table, the first of which is for cluster `first`, say is there."""
    run: Extent | None = None
    for number, entry in enumerate(entries, first):
        found = _extent(layout, number << layout.cluster_bits, entry)
        if run and found and _follows(run, found):
            run = Extent(run.guest, run.host, run.length + found.length)
            continue
        if run:
            yield run
        run = found
    if run:
        yield run


def _follows(run: Extent, other: Extent) -> bool:
    return not run.compressed and not other.compressed and (
        run.guest + run.length == other.guest and run.host + run.length == other.host)


def _extent(layout: Layout, guest: int, entry: int) -> Extent | None:
    if guest >= layout.size:
        return None
    if entry & _COMPRESSED:
        bits = 62 - (layout.cluster_bits - 8)
        host = entry & ((1 << bits) - 1)
        sectors = ((entry & (_COMPRESSED - 1)) >> bits) + 1
        return Extent(guest, host, sectors * _SECTOR - host % _SECTOR, True)
    host = entry & _OFFSET_MASK
    return Extent(guest, host, layout.cluster) if host and not entry & _ZERO else None


def _inflater(compression: int) -> Callable[[bytes, int], bytes]:
    if compression == _ZLIB:
        return lambda data, most: zlib.decompressobj(_RAW_DEFLATE).decompress(data, most)
    return codecs.unzstd
