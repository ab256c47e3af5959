"""Copy or decompress an image into place: checked while bytes pass, holes kept, cancelled within a block."""

from __future__ import annotations

import asyncio
import bz2
import contextlib
import lzma
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from limacore.base import diskformat
from limacore.base.files import write_failed
from limacore.errors import HostError, ImageError
from limacore.images.digest import Hashing

T = TypeVar("T")
Share = Callable[[float], None]
"""Gets the fraction done, 0 to 1."""
_BLOCK = 1 << 20
_HOLE = 1 << 16
_GZIP_WINDOW = 31
_BY_ENDING = {".gz": "gz", ".bz2": "bz2", ".xz": "xz", ".zst": "zst", ".zstd": "zst"}


class Stopped(Exception):
    """The work was cancelled."""


async def in_thread(work: Callable[[threading.Event], T]) -> T:
    """Run blocking work off the loop; when cancelled it is told to stop, and waited for."""
    stop = threading.Event()
    task = asyncio.ensure_future(asyncio.to_thread(work, stop))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        with contextlib.suppress(Stopped, OSError, ImageError, HostError):
            await task
        raise


def compression_of(path: Path, name: str) -> str:
    """`gz`, `bz2`, `xz`, `zst` or empty: by the ending of `name`, else by the first bytes of `path`."""
    ending = Path(name.partition("?")[0]).suffix.lower()
    if ending in _BY_ENDING:
        return _BY_ENDING[ending]
    with path.open("rb") as file:
        return diskformat.compression(file.read(8))


def unpack(source: Path, target: Path, kind: str, stop: threading.Event, share: Share) -> None:
    """Write the decompressed `source` to `target`; raises ImageError, HostError, and leaves no target then."""
    try:
        with source.open("rb") as packed, target.open("wb") as out:
            size = max(source.stat().st_size, 1)
            for block in _decompressed(packed, kind, source):
                _write_sparse(out, block)
                share(min(packed.tell() / size, 1.0))
                if stop.is_set():
                    raise Stopped
            out.truncate(out.tell())
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise write_failed(target, error) from error
        raise


def _write_sparse(out: BinaryIO, block: bytes) -> None:
    for start in range(0, len(block), _HOLE):
        piece = block[start : start + _HOLE]
        if piece.count(0) == len(piece):
            out.seek(len(piece), 1)
        else:
            out.write(piece)


class _Decompressor(Protocol):
    def decompress(self, data: bytes, /) -> bytes: ...


def _gzip() -> _Decompressor:
    return zlib.decompressobj(_GZIP_WINDOW)


_MAKERS: dict[str, Callable[[], _Decompressor]] = {
    "gz": _gzip, "bz2": bz2.BZ2Decompressor, "xz": lzma.LZMADecompressor,
}


def _decompressed(packed: BinaryIO, kind: str, source: Path) -> Iterator[bytes]:
    if kind == "zst":
        yield from _by_program(packed, source)
        return
    try:
        yield from _streams(packed, _MAKERS[kind])
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
        raise ImageError(f"`{source}` is damaged: it cannot be decompressed as {kind}", detail=str(error),
                         hint="download it again") from error


def _streams(packed: BinaryIO, make: Callable[[], _Decompressor]) -> Iterator[bytes]:
    """Decompressed blocks; files may hold several compressed streams one after another."""
    decompressor, data = make(), packed.read(_BLOCK)
    while data:
        yield decompressor.decompress(data)
        rest = getattr(decompressor, "unused_data", b"")
        ended = getattr(decompressor, "eof", False)
        if ended:
            decompressor, data = make(), rest.lstrip(b"\0") or packed.read(_BLOCK)
        else:
            data = packed.read(_BLOCK)
            if not data:
                raise EOFError("it ends too early")


def _by_program(packed: BinaryIO, source: Path) -> Iterator[bytes]:
    try:
        process = subprocess.Popen(["zstd", "-q", "-d", "-c"], stdin=packed, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
    except FileNotFoundError:
        raise HostError("`zstd` is not installed", hint="install it: apt-get install zstd") from None
    with process:
        assert process.stdout is not None and process.stderr is not None
        try:
            while block := process.stdout.read(_BLOCK):
                yield block
        except GeneratorExit:
            process.kill()
            raise
        reason = process.stderr.read().decode(errors="replace").strip()
    if process.returncode:
        raise ImageError(f"`{source}` is damaged: it cannot be decompressed as zst", detail=reason,
                         hint="download it again")


def verify(path: Path, digest: str, stop: threading.Event) -> None:
    """Check a local file against its digest; raises ImageError."""
    hashing = Hashing(digest)
    with path.open("rb") as file:
        while digest and (block := file.read(_BLOCK)):
            hashing.update(block)
            if stop.is_set():
                raise Stopped
    try:
        hashing.check(str(path))
    except ImageError as error:
        raise ImageError(error.message, detail=error.detail, hint="check `location` and `digest`") from None
