"""Copy or decompress a file into place: checked in the same pass, holes kept, cancelled within a block."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

from limacore.base.files import write_failed
from limacore.errors import HostError, ImageError
from limacore.images.beside import Sink, beside
from limacore.images.codecs import IN_BLOCK, CorruptError, decompressed
from limacore.images.digest import Hashing

T = TypeVar("T")
Told = Callable[[int], None]
"""Gets how many bytes of the source have passed."""
_BLOCK = 1 << 20
_HOLE = 1 << 16
_ZEROS = bytes(_HOLE)


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


def unpack(source: Path, target: Path, kind: str, hashing: Hashing, stop: threading.Event, told: Told) -> None:
    """Write the decompressed `source` to `target` and sum it up meanwhile.

    Raises ImageError (damaged, or not what the digest promises), HostError; then there is no target.
    """
    try:
        with source.open("rb") as packed, target.open("wb") as out:
            with beside(hashing.update) as summed, beside(lambda block: write_sparse(out, block)) as written:
                for block in decompressed(_reader(packed, summed, stop, told), kind):
                    written(block)
            out.truncate(out.tell())
        hashing.verify()
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, CorruptError):
            raise ImageError(f"{source} cannot be decompressed as {kind}", detail=str(error),
                             hint="the file is damaged, or its name has a wrong ending") from error
        if isinstance(error, OSError):
            raise write_failed(target, error) from error
        raise


def _reader(packed: BinaryIO, sink: Sink, stop: threading.Event, told: Told) -> Callable[[], bytes]:
    passed = 0

    def read() -> bytes:
        nonlocal passed
        if stop.is_set():
            raise Stopped
        block = packed.read(IN_BLOCK)
        sink(block)
        passed += len(block)
        told(passed)
        return block

    return read


def write_sparse(out: BinaryIO, block: bytes) -> None:
    """Write a block where the file stands; runs of zeros become holes."""
    view = memoryview(block)
    for is_hole, start, end in runs(block):
        if is_hole:
            out.seek(end - start, 1)
        else:
            out.write(view[start:end])


def runs(block: bytes) -> Iterator[tuple[bool, int, int]]:
    """Parts of a block: whether one is all zeros, its start and its end."""
    size = len(block)
    pieces = range(0, size, _HOLE)
    for is_hole, group in itertools.groupby(pieces, lambda at: block.startswith(_ZEROS[: size - at], at)):
        places = list(group)
        yield is_hole, places[0], min(places[-1] + _HOLE, size)


def verify(path: Path, hashing: Hashing, stop: threading.Event, told: Told = lambda _: None) -> None:
    """Check a file against its digest; raises DigestError."""
    feed(path, hashing, stop, told)
    hashing.verify()


def feed(path: Path, hashing: Hashing, stop: threading.Event, told: Told = lambda _: None) -> None:
    """Sum up a file."""
    if not hashing.algorithm:
        return
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            hashing.update(block)
            told(file.tell())
            if stop.is_set():
                raise Stopped
