"""What the download cache holds and who refers to it; emptying it, or only of what nobody refers to."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from limacore.base import notice
from limacore.base.files import locked
from limacore.base.goquote import ticked
from limacore.errors import LimaError, LockedError, StateError
from limacore.images.cache import Entry, downloads, key_of
from limacore.images.locators import built_files
from limacore.images.obtain import local_path
from limacore.model.cache import CacheEntry
from limacore.model.config import Config
from limacore.paths import HomePaths, cache_dir
from limacore.store.scan import instance_names, loaded_of

_SECTOR = 512
Referred = Mapping[str, Iterable[str]]
"""Who refers to which locations."""


def locations(config: Config) -> tuple[str, ...]:
    """All files that a configuration names, of every architecture: URLs and paths."""
    files = [*config.images, *config.containerd.archives, *config.firmware.images,
             *(image.kernel for image in config.images), *(image.initrd for image in config.images)]
    return tuple(dict.fromkeys(file.location for file in files if file is not None))


def instances(home: HomePaths) -> dict[str, tuple[str, ...]]:
    """The locations of each instance whose lima.yaml can be read."""
    loaded = ((name, loaded_of(home, name)) for name in instance_names(home))
    return {name: locations(each.config) for name, each in loaded if not isinstance(each, LimaError) and each.config}


def entries(home: HomePaths, referred: Referred | None = None) -> tuple[CacheEntry, ...]:
    """All downloads, the newest first; `referred`: what else than instances uses them, such as `template:debian`."""
    users: dict[str, list[str]] = {}
    for name, found in (*instances(home).items(), *(referred or {}).items()):
        for location in found:
            users.setdefault(key_of(location), []).append(name)
    folder = downloads(cache_dir())
    found_entries = [_described(Entry(each), users.get(each.name, ())) for each in _children(folder) if each.is_dir()]
    return tuple(sorted(found_entries, key=lambda entry: (-entry.changed_at, entry.url)))


def _children(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _described(entry: Entry, users: Iterable[str]) -> CacheEntry:
    partial = not entry.data.exists()
    files = list(entry.leftovers()) if partial else [entry.data]
    states = [path.stat() for path in files]
    return CacheEntry(
        key=entry.dir.name, url=entry.recorded_url(), path=str(entry.data), partial=partial,
        size=max((state.st_size for state in states), default=0),
        changed_at=max((state.st_mtime for state in states), default=entry.dir.stat().st_mtime),
        digest=next(iter(entry.recorded_digests()), ""), used_by=tuple(users),
    )


def prune(home: HomePaths, *, keep_referred: bool = False, referred: Referred | None = None) -> int:
    """Empty the cache, or with `keep_referred` remove downloads that no instance and nothing in `referred` names.

    Returns the bytes that were freed. Images that were built and that instances name stay: nobody has them to download.
    Raises StateError when an instance is just being made, so that nobody can tell what it refers to.
    """
    if not keep_referred:
        notice.info(f"Pruning {ticked(str(cache_dir()))}")
        return _clear(cache_dir(), _built_and_named(home))
    names = [*_of_instances(home), *(location for found in (referred or {}).values() for location in found)]
    kept = {key_of(location) for location in names}
    return sum(_sweep(each, keep=each.name in kept) for each in _children(downloads(cache_dir())))


def _of_instances(home: HomePaths) -> Iterator[str]:
    for name in instance_names(home):
        path = home.home / name / "lima.yaml"
        if not path.exists():
            raise StateError(f"cannot safely prune while instance {ticked(name)} is being used",
                             detail=f"open {path}: no such file or directory",
                             hint="try again when it is there; if that directory is left over, remove it")
        loaded = loaded_of(home, name)
        if isinstance(loaded, LimaError) or loaded.config is None or loaded.errors:
            words = (loaded.message,) if isinstance(loaded, LimaError) else loaded.words
            notice.warning(f"skipping instance {ticked(name)} because it has errors: [{' '.join(words)}]")
        else:
            yield from locations(loaded.config)


def _built_and_named(home: HomePaths) -> set[Path]:
    """Folders of built images that instances name, by their paths."""
    named = (local_path(location) for found in instances(home).values() for location in found)
    return {path.parent for path in named if path is not None and path.is_relative_to(built_files(cache_dir()))}


def _clear(folder: Path, kept: set[Path]) -> int:
    """Remove a directory but for what is kept in it."""
    if not any(each.is_relative_to(folder) for each in kept):
        return _remove(folder)
    return sum(_clear(each, kept) for each in _children(folder) if each not in kept)


def _sweep(path: Path, *, keep: bool) -> int:
    """Remove an entry, or what is left over in one that is kept; one that somebody fills just now stays as it is."""
    if not path.is_dir():
        return _remove(path)
    try:
        with locked(path, wait=False):
            return sum(_remove(each) for each in Entry(path).leftovers()) if keep else _remove(path)
    except LockedError:
        return 0


def _remove(path: Path) -> int:
    freed = _allocated(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
    return freed


def _allocated(path: Path) -> int:
    """Bytes that come free with a file or all files below a directory: not those that instances share."""
    files = path.rglob("*") if path.is_dir() else [path]
    states = [each.lstat() for each in files if each.is_file() or each.is_symlink()]
    return sum(state.st_blocks * _SECTOR for state in states if state.st_nlink == 1)
