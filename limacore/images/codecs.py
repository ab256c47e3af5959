"""Decompression of gz, bz2, xz and zst as a stream of bounded blocks, without programs."""

from __future__ import annotations

import bz2
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from limacore.base import diskformat

IN_BLOCK = 1 << 18
"""Bytes that are read at a time."""
OUT_BLOCK = 1 << 20
"""Bytes that one block holds at most, however well they were compressed."""
_GZIP_WINDOW = 31
_BY_ENDING = {".gz": "gz", ".bz2": "bz2", ".xz": "xz", ".zst": "zst"}
Read = Callable[[], bytes]


class CorruptError(Exception):
    """The bytes are not what their compression promises."""


def kind_of(path: Path, name: str) -> str:
    """`gz`, `bz2`, `xz`, `zst` or empty: by the ending of `name`, else by the first bytes of `path`."""
    ending = Path(name.partition("?")[0]).suffix.lower()
    if ending in _BY_ENDING:
        return _BY_ENDING[ending]
    with path.open("rb") as file:
        return diskformat.compression(file.read(8))


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """zlib's decompressor in the manner of the others."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(_GZIP_WINDOW)
        self.needs_input = True

    def decompress(self, data: bytes, max_length: int) -> bytes:
        block = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self.needs_input = len(block) < max_length and not self._inner.unconsumed_tail
        return block

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data


class _Zstd:
    """zstd's decompressor, loaded only where such a file is read; its errors are ours."""

    def __init__(self) -> None:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
        self._inner = zstd.ZstdDecompressor()
        self._error = zstd.ZstdError

    def decompress(self, data: bytes, max_length: int) -> bytes:
        try:
            return self._inner.decompress(data, max_length)
        except self._error as error:
            raise CorruptError(str(error)) from error

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return self._inner.needs_input

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data


_DECODERS: dict[str, Callable[[], _Decoder]] = {
    "gz": _Gzip, "bz2": bz2.BZ2Decompressor, "xz": lzma.LZMADecompressor, "zst": _Zstd,
}


def decompressed(read: Read, kind: str) -> Iterator[bytes]:
    """Blocks of at most OUT_BLOCK bytes; `read` gives the compressed ones, none at the end. Raises CorruptError.

    Several streams after one another are one file, with zeros between and after them.
    """
    try:
        yield from _streams(read, _DECODERS[kind])
    except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise CorruptError(str(error)) from error


def _streams(read: Read, make: Callable[[], _Decoder]) -> Iterator[bytes]:
    decoder, data = make(), read()
    if not data:
        raise EOFError("it is empty")
    while True:
        if block := decoder.decompress(data, OUT_BLOCK):
            yield block
        if decoder.eof:
            data = _next_stream(decoder.unused_data, read)
            if not data:
                return
            decoder = make()
        elif decoder.needs_input:
            data = read()
            if not data:
                raise EOFError("it ends too early")
        else:
            data = b""


def _next_stream(data: bytes, read: Read) -> bytes:
    while not (rest := data.lstrip(b"\0")):
        data = read()
        if not data:
            return b""
    return rest


def unzstd(data: bytes, most: int) -> bytes:
    """The first `most` bytes that a zst frame holds; raises CorruptError."""
    return _Zstd().decompress(data, most)
