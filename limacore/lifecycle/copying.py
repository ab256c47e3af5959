"""What a copy of an instance consists of: a plan made by looking, then carried out file by file."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from limacore.base import diskformat
from limacore.base.files import share, write_failed
from limacore.errors import HostError, LimaError
from limacore.paths import PASSING, InstancePaths

_LEFT = frozenset(("protected", "swtpm", "ssh.config", ".lima.yaml.queued"))
"""Not of the copy: its protection, its TPM (a copied one would have the same keys), and the way to the original."""
_EMPTIED = frozenset(("vz-identifier",))
_NEVER_WRITTEN = frozenset(("basedisk", "iso", "kernel", "initrd"))
_SECTOR = 512
Copied = Callable[[int, str], None]


class Stopped(LimaError):
    """The copying was cancelled."""


class Item(Struct, frozen=True):
    """One entry of the copy: `kind` is `directory`, `link`, `empty` or `file`."""

    path: str
    """Relative to the instance directory."""
    kind: str
    mode: int = 0
    target: str = ""
    size: int = 0
    """Bytes that a file takes on the disk."""


def plan(source: Path, where: str = "") -> Iterator[Item]:
    """Everything to copy, a directory before what is in it; raises HostError for one that cannot be read."""
    try:
        found = sorted(os.scandir(source / where), key=lambda entry: entry.name)
    except OSError as error:
        raise HostError(f"open {source / where}: {(error.strerror or str(error)).lower()}",
                        hint=f"open it to yourself: chmod u+rwx {source / where}") from error
    for entry in found:
        if entry.name.endswith(PASSING) or (not where and entry.name in _LEFT):
            continue
        path = f"{where}{entry.name}"
        item = _item(entry, path, source)
        if item is not None:
            yield item
            if item.kind == "directory":
                yield from plan(source, f"{path}/")


def _item(entry: os.DirEntry[str], path: str, source: Path) -> Item | None:
    state = entry.stat(follow_symlinks=False)
    mode = stat.S_IMODE(state.st_mode)
    if entry.is_symlink():
        return Item(path, "link", target=_inside(Path(entry.path).readlink(), source, path))
    if entry.is_dir(follow_symlinks=False):
        return Item(path, "directory", mode | stat.S_IRWXU)
    if not entry.is_file(follow_symlinks=False):
        return None  # a socket or the like belongs to the process that made it
    if path in _EMPTIED:
        return Item(path, "empty", mode)
    return Item(path, "file", mode, size=state.st_blocks * _SECTOR)


def _inside(target: Path, source: Path, path: str) -> str:
    """A link to something in the instance itself must not lead to the original: it becomes relative."""
    if target.is_relative_to(source):
        return os.path.relpath(target, (source / path).parent)
    return str(target)


def carry_out(items: tuple[Item, ...], source: Path, target: Path, stop: threading.Event,
              copied: Copied) -> None:
    """Make every item below `target`, telling how much was copied of which file. Raises Stopped, HostError."""
    for item in items:
        if stop.is_set():
            raise Stopped("stopped")
        try:
            _make(item, source / item.path, target / item.path, stop, copied)
        except OSError as error:
            raise write_failed(target / item.path, error) from error


def _make(item: Item, source: Path, target: Path, stop: threading.Event, copied: Copied) -> None:
    if item.kind == "link":
        target.symlink_to(item.target)
        return
    if item.kind == "directory":
        target.mkdir(mode=0o700)
    elif item.kind == "empty":
        target.touch()
    elif _copy(item, source, target, stop, copied) == "hardlink":
        return  # one file, so the mode is right, too
    target.chmod(item.mode)


def _copy(item: Item, source: Path, target: Path, stop: threading.Event, copied: Copied) -> str:
    def told(count: int) -> None:
        if stop.is_set():
            raise Stopped("stopped")
        copied(count, item.path)

    link = item.path in _NEVER_WRITTEN and not diskformat.read(source).backing
    how = share(source, target, link=link, copied=told)
    if how != "copy":
        told(item.size)
    return how


def absolute_backing(paths: InstancePaths, origin: Path) -> Iterator[tuple[Path, str, str]]:
    """Images of `paths` that name their backing file within `origin` by its whole path: image, new name, format."""
    for path in (paths.disk, paths.diffdisk, paths.basedisk):
        if path.is_symlink() or not path.is_file():
            continue
        backing = Path(diskformat.read(path).backing)
        if backing.is_absolute() and backing.is_relative_to(origin):
            name = os.path.relpath(backing, origin)
            yield path, name, diskformat.read(paths.dir / name).format
