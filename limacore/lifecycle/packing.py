"""The container of an exported instance: a sparse tar, compressed by zstd, its manifest with digests at the front.

Written in one pass: room for the manifest is kept at the front and filled at the end, the rest of it by a frame that
every reader of zstd skips. Read in one pass, too, and nothing of it is believed: see `manifest`."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from backports import zstd
from msgspec import Struct
from msgspec.structs import replace

from limacore.base import sparsetar
from limacore.base.files import write_failed
from limacore.base.goquote import ticked
from limacore.base.host import usable_cpus
from limacore.base.sparsetar import Member, Reader, TarError
from limacore.errors import ImageError, LimaError, StateError
from limacore.images.meter import Meter
from limacore.images.unpack import Stopped
from limacore.lifecycle import manifest
from limacore.lifecycle.manifest import Entry, Manifest
from limacore.model.job import Progress

Report = Callable[[Progress], None]
LEVEL = 3
"""Of zstd. Measured on 600 MB of a Linux system, two threads: level 1 packs 713 MB/s to 35 %, 3 494 MB/s to 31 %,
6 196 MB/s to 29 %."""
_PIECE = 1 << 20
_HOLE = 64 << 10
_ZEROS = bytes(_HOLE)
_MOST_THREADS = 8
_LARGEST_WINDOW = 27  # 2^27 bytes: more memory than that no archive of ours asks for
_SKIPPABLE = 0x184D2A50  # RFC 8878, 3.1.2


def from_thread(report: Report) -> Report:
    """A report that may be called in another thread than that of the running loop."""
    loop = asyncio.get_running_loop()

    def tell(progress: Progress) -> None:
        loop.call_soon_threadsafe(report, progress)

    return tell


class Source(Struct, frozen=True):
    """A member to write, and the file that it is."""

    entry: Entry
    path: Path
    extents: sparsetar.Extents = ()


def write(path: Path, draft: Manifest, sources: tuple[Source, ...], report: Report, stop: threading.Event) -> None:
    """Write the archive at `path`, complete and on the disk, or raise HostError, StateError, Stopped."""
    raw = manifest.encode(draft)
    room = manifest.room(raw)
    meter = Meter("export", draft.name, draft.stored, report)
    try:
        with path.open("xb") as out:
            os.fchmod(out.fileno(), 0o600)  # a disk may hold anybody's secrets
            out.seek(room)
            packer = _Packer(out, draft.name, meter, stop)
            entries = tuple(packer.put(source) for source in sources)
            packer.end()
            out.seek(0)
            out.write(_front(manifest.encode(replace(draft, entries=entries)), draft.name, room))
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise write_failed(path.parent.parent, error) from error


def _front(raw: bytes, top: str, room: int) -> bytes:
    """The manifest as a frame of its own, and a frame without content that fills the room kept for it."""
    head = sparsetar.header(Member(f"{top}/{manifest.NAME}", size=len(raw), extents=sparsetar.whole(len(raw))))
    frame = zstd.compress(head + sparsetar.padded(raw), LEVEL)
    rest = room - len(frame) - 8
    assert rest >= 0, "a manifest outgrew its room"
    return frame + struct.pack("<II", _SKIPPABLE, rest) + bytes(rest)


class _Packer:
    """Writes members, one after the other, compressed."""

    def __init__(self, out: BinaryIO, top: str, meter: Meter, stop: threading.Event) -> None:
        options = zstd.CompressionParameter
        self._out, self._top, self._meter, self._stop = out, top, meter, stop
        self._zstd = zstd.ZstdCompressor(options={
            options.compression_level: LEVEL, options.checksum_flag: 1,
            options.nb_workers: min(usable_cpus(), _MOST_THREADS),
        })  # fmt: skip

    def put(self, source: Source) -> Entry:
        """Write one member; returns its entry with the digest of what was stored."""
        entry = source.entry
        member = Member(f"{self._top}/{entry.name}", entry.kind, entry.mode, entry.size, source.extents, entry.target)
        before = source.path.lstat()
        self._pack(sparsetar.header(member, before.st_mtime))
        if entry.kind != "file":
            return entry
        digest = hashlib.sha256(member.map)
        for piece in _pieces(source):
            digest.update(piece)
            self._pack(piece)
            self._meter.add(len(piece), entry.name)
            if self._stop.is_set():
                raise Stopped
        self._pack(sparsetar.padding(member.stored))
        if source.path.lstat().st_mtime_ns != before.st_mtime_ns:
            raise _changed(source)
        return replace(entry, sha256=digest.hexdigest())

    def _pack(self, data: bytes) -> None:
        self._out.write(self._zstd.compress(data))

    def end(self) -> None:
        """Write the end mark."""
        self._pack(sparsetar.END)
        self._out.write(self._zstd.flush())


def _pieces(source: Source) -> Iterator[bytes]:
    with source.path.open("rb", buffering=0) as file:
        for offset, length in source.extents:
            end = offset + length
            while offset < end:
                piece = os.pread(file.fileno(), min(_PIECE, end - offset), offset)
                if not piece:
                    raise _changed(source)
                yield piece
                offset += len(piece)


def _changed(source: Source) -> LimaError:
    return StateError(f"{ticked(str(source.path))} changed while it was read",
                      hint="something uses the disk; end it, then export again")


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Unpacker]:
    """The archive at `path`, its manifest read and checked; raises ImageError for what is none of ours."""
    try:
        with zstd.open(path, "rb", options={zstd.DecompressionParameter.window_log_max: _LARGEST_WINDOW}) as stream:
            yield Unpacker(stream.read)
    except (zstd.ZstdError, EOFError) as error:
        raise ImageError(f"{ticked(str(path))} cannot be read", detail=str(error),
                         hint="it is damaged, or not complete, or was not made by `export`") from error
    except TarError as error:
        raise ImageError(f"{ticked(str(path))} is refused", detail=error.message,
                         hint="it is damaged, or was not made by `export`") from error


class Unpacker:
    """Takes the members of an archive out, in the order of its manifest and as large as that says."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._reader = Reader(read)
        first = self._reader.next()
        if first is None or first.size > manifest.LARGEST or first.sparse:
            raise TarError("it begins with no manifest")
        self.manifest = manifest.decode(b"".join(piece for _, piece in self._reader.data(first)))
        if first.name != f"{self.manifest.name}/{manifest.NAME}":
            raise TarError("it begins with no manifest")

    def into(self, folder: Path, report: Report, stop: threading.Event) -> None:
        """Write all files below `folder`, which is empty, and check them; raises TarError, HostError, Stopped."""
        meter = Meter("import", self.manifest.name, self.manifest.stored, report)
        for entry in self.manifest.entries:
            member = self._reader.next()
            if member is None or not manifest.fits(entry, member, self.manifest.name):
                raise TarError(f"where `{entry.name}` should be is `{member.name if member else 'the end'}`, "
                               "or it has another size")
            self._take(entry, member, folder / entry.name, meter, stop)
        if self._reader.next() is not None:
            raise TarError("it holds more than its manifest says")
        rest = self._read(_PIECE)
        if rest.strip(b"\0") or len(rest) == _PIECE:
            raise TarError("something follows its end")

    def _take(self, entry: Entry, member: Member, path: Path, meter: Meter, stop: threading.Event) -> None:
        try:
            if entry.kind == "directory":
                path.mkdir(mode=0o700)
            elif entry.kind == "link":
                path.symlink_to(entry.target)
            else:
                self._file(entry, member, path, meter, stop)
        except OSError as error:
            raise write_failed(path, error) from error

    def _file(self, entry: Entry, member: Member, path: Path, meter: Meter, stop: threading.Event) -> None:
        digest = hashlib.sha256(member.map)
        with path.open("xb", buffering=0) as out:
            out.truncate(entry.size)
            for offset, piece in self._reader.data(member, _PIECE):
                digest.update(piece)
                _write_sparse(out.fileno(), offset, piece)
                meter.add(len(piece), entry.name)
                if stop.is_set():
                    raise Stopped
            os.fchmod(out.fileno(), entry.mode & 0o755)
            os.fsync(out.fileno())
        if digest.hexdigest() != entry.sha256:
            raise TarError(f"`{entry.name}` has another content than its digest says")


def _write_sparse(fd: int, offset: int, piece: bytes) -> None:
    """Zeros are not written, so that what was data full of zeros becomes a hole."""
    for start in range(0, len(piece), _HOLE):
        block = piece[start : start + _HOLE]
        if block != _ZEROS[: len(block)]:
            sparsetar.write_all(fd, block, offset + start)
