"""Copying over SFTP between this computer and one guest: many files at once, and it is known how far it is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import posixpath
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

from msgspec import Struct

from limacore.base.files import write_failed
from limacore.base.goquote import ticked
from limacore.errors import GuestError, HostError, LimaError, NotFoundError, UsageError
from limacore.images.meter import Meter
from limacore.lifecycle.sftp import CREATE, READ, TRUNCATE, WRITE, Client, Found, encoded
from limacore.model.job import Progress

Report = Callable[[Progress], None]
_FILES = 16
"""Files under way at once: each small one costs four answers of the guest, during which others go on."""
_PIECES = 32
"""Pieces of one file under way at once."""


class Item(Struct, frozen=True):
    """One thing to copy: where it is, where it goes, and what it is."""

    source: bytes
    target: bytes
    found: Found

    @property
    def kind(self) -> int:
        """Regular file, directory, link or another."""
        return stat.S_IFMT(self.found.mode)


async def upload(client: Client, sources: tuple[str, ...], target: str, *, recursive: bool, report: Report) -> None:
    """Copy files of this computer into the guest, modes and times too; links stay links. Raises LimaError."""
    into = encoded(_guest_path(target))
    there = await client.stat(into)
    _require_directory(sources, target, there is not None and there.is_dir)
    items: list[Item] = []
    for source in sources:
        top = posixpath.join(into, encoded(Path(source).resolve().name)) if there and there.is_dir else into
        items += _local(source, top, recursive)
    await _each(items, report, lambda item, meter: _send(client, item, meter))


async def download(client: Client, sources: tuple[str, ...], target: str, *, recursive: bool, report: Report) -> None:
    """Copy files of the guest to this computer; what the guest says is believed in nothing. Raises LimaError."""
    is_dir = Path(target or ".").is_dir()
    _require_directory(sources, target, is_dir)
    items: list[Item] = []
    for source in sources:
        path = encoded(_guest_path(source))
        name = posixpath.basename(path.rstrip(b"/"))
        if is_dir and name in (b"", b".", b".."):
            raise UsageError(f"{ticked(source)} has no name to copy it under", hint="name the new place in full")
        top = os.path.join(os.fsencode(target or "."), name) if is_dir else os.fsencode(target)  # noqa: PTH118
        items += [item async for item in _remote(client, source, path, top, recursive)]
    await _each(items, report, lambda item, meter: _receive(client, item, meter))


def _guest_path(text: str) -> str:
    """The server begins in the home of its user."""
    return text.removeprefix("~/") or "."


def _require_directory(sources: tuple[str, ...], target: str, is_dir: bool) -> None:
    if not is_dir and (len(sources) > 1 or target.endswith("/")):
        raise UsageError(f"{ticked(target)} is not a directory")


def _local(source: str, top: bytes, recursive: bool) -> Iterator[Item]:
    try:
        state = Path(source).stat()
    except OSError as error:
        raise NotFoundError(f"open {source}: {(error.strerror or str(error)).lower()}") from error
    item = Item(os.fsencode(source), top, Found(state.st_mode, state.st_size, int(state.st_mtime)))
    _require_plain(item, source, recursive)
    yield item
    if item.found.is_dir:
        yield from _below(item)


def _below(folder: Item) -> Iterator[Item]:
    try:
        entries = sorted(os.scandir(folder.source), key=lambda entry: entry.name)
    except OSError as error:
        raise HostError(f"open {os.fsdecode(folder.source)}: {(error.strerror or str(error)).lower()}") from error
    for entry in entries:
        state = entry.stat(follow_symlinks=False)
        item = Item(entry.path, posixpath.join(folder.target, entry.name),
                    Found(state.st_mode, state.st_size, int(state.st_mtime)))
        yield item
        if item.found.is_dir:
            yield from _below(item)


async def _remote(client: Client, source: str, path: bytes, top: bytes, recursive: bool) -> AsyncIterator[Item]:
    found = await client.stat(path)
    if found is None:
        raise NotFoundError(f"there is no {ticked(source)} in the guest")
    item = Item(path, top, found)
    _require_plain(item, source, recursive)
    yield item
    if found.is_dir:
        async for each in _remote_below(client, item):
            yield each


async def _remote_below(client: Client, folder: Item) -> AsyncIterator[Item]:
    entries = await client.listed(folder.source)
    if len({name for name, _ in entries}) < len(entries) or any(b"/" in name or not name for name, _ in entries):
        raise GuestError(f"the guest lists names in {ticked(os.fsdecode(folder.source))} that no directory can have")
    for name, found in sorted(entries):
        item = Item(posixpath.join(folder.source, name), posixpath.join(folder.target, name), found)
        yield item
        if found.is_dir:
            async for each in _remote_below(client, item):
                yield each


def _require_plain(item: Item, name: str, recursive: bool) -> None:
    if item.kind == stat.S_IFDIR and not recursive:
        raise UsageError(f"{ticked(name)} is a directory", hint="copy it with all in it by -r")
    if item.kind not in (stat.S_IFDIR, stat.S_IFREG):
        raise UsageError(f"{ticked(name)} is not a regular file")


async def _each(items: list[Item], report: Report, copy: Callable[[Item, Meter], Awaitable[None]]) -> None:
    """Directories first and in order, so that what is in them has a place; then all else, some at a time."""
    files = [item for item in items if not item.found.is_dir]
    meter = Meter("copy", "", sum(item.found.size for item in files if item.kind == stat.S_IFREG), report)
    for item in items:
        if item.found.is_dir:
            await copy(item, meter)
    waiting = iter(files)

    async def work() -> None:
        for item in waiting:
            await copy(item, meter)

    async with _in_flight() as group:
        for _ in range(min(_FILES, len(files))):
            group.create_task(work())
    meter.finish()


async def _send(client: Client, item: Item, meter: Meter) -> None:
    try:
        if item.kind == stat.S_IFDIR:
            await client.mkdir(item.target, item.found.mode & 0o7777 | 0o700)
        elif item.kind == stat.S_IFLNK:
            await client.symlink(os.fsencode(Path(os.fsdecode(item.source)).readlink()), item.target)
        elif item.kind == stat.S_IFREG:
            await _send_file(client, item, meter)
    except GuestError as error:
        raise _of(item.target, error) from error
    except OSError as error:
        raise HostError(f"open {os.fsdecode(item.source)}: {(error.strerror or str(error)).lower()}") from error


async def _send_file(client: Client, item: Item, meter: Meter) -> None:
    mode = item.found.mode & 0o7777
    with open(item.source, "rb", buffering=0) as file:  # noqa: ASYNC230, PTH123 - pieces are small; names are bytes
        handle = await client.open(item.target, WRITE | CREATE | TRUNCATE, mode)
        free = asyncio.Semaphore(_PIECES)

        async def put(offset: int, data: bytes) -> None:
            try:
                await client.write(handle, offset, data)
            finally:
                free.release()
            meter.add(len(data), os.fsdecode(posixpath.basename(item.target)))

        offset = 0
        async with _in_flight() as group:
            while data := file.read(client.piece):
                await free.acquire()
                group.create_task(put(offset, data))
                offset += len(data)
        await client.set(handle, mode, item.found.mtime)
        await client.close(handle)


async def _receive(client: Client, item: Item, meter: Meter) -> None:
    path = Path(os.fsdecode(item.target))
    try:
        if item.kind == stat.S_IFDIR:
            _make_folder(path, item.found.mode & 0o7777 | 0o700)
        elif item.kind == stat.S_IFLNK:
            path.symlink_to(os.fsdecode(await client.readlink(item.source)))
        elif item.kind == stat.S_IFREG:
            await _receive_file(client, item, meter)
    except GuestError as error:
        raise _of(item.source, error) from error
    except OSError as error:
        raise write_failed(path, error) from error


def _make_folder(path: Path, mode: int) -> None:
    """A link in its place would lead what comes into it elsewhere."""
    if path.is_symlink() or not path.is_dir():
        path.mkdir(mode=mode)


async def _receive_file(client: Client, item: Item, meter: Meter) -> None:
    handle = await client.open(item.source, READ)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(item.target, flags, item.found.mode & 0o777)
    try:
        await _fetch(client, handle, fd, item, meter)
        os.utime(fd, (item.found.mtime, item.found.mtime))
        os.fchmod(fd, item.found.mode & 0o777)
    finally:
        os.close(fd)
    await client.close(handle)


async def _fetch(client: Client, handle: bytes, fd: int, item: Item, meter: Meter) -> None:
    """Pieces up to the size it had, some at a time; then what it may have grown by, or what has no size at all."""
    starts = iter(range(0, item.found.size, client.piece))

    async def work() -> None:
        for start in starts:
            offset, end = start, min(start + client.piece, item.found.size)
            while offset < end and (data := await client.read(handle, offset, end - offset)):
                os.pwrite(fd, data, offset)
                offset += len(data)
                meter.add(len(data), os.fsdecode(posixpath.basename(item.target)))

    async with _in_flight() as group:
        for _ in range(min(_PIECES, item.found.size // client.piece + 1)):
            group.create_task(work())
    offset = item.found.size
    while data := await client.read(handle, offset, client.piece):
        os.pwrite(fd, data, offset)
        offset += len(data)


@contextlib.asynccontextmanager
async def _in_flight() -> AsyncIterator[asyncio.TaskGroup]:
    """A group of tasks of which the first error is the error."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


def _of(path: bytes, error: GuestError) -> LimaError:
    return GuestError(f"{ticked(os.fsdecode(path))} in the guest", detail=error.message)
