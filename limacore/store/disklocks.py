"""Who holds an additional disk: a link `in_use_by` to the directory of an instance, as Lima has it."""

from __future__ import annotations

from pathlib import Path

from limacore.base import notice
from limacore.base.files import locked, write_failed
from limacore.base.goquote import ticked
from limacore.errors import LockedError, NotFoundError
from limacore.paths import DISK_IMAGE, DISK_LOCK, HomePaths
from limacore.store.evidence import process_fact

DRIVERS = ("qemu", "vz", "krunkit", "wsl2")
"""Drivers whose pid files are looked at."""


def holder_of(folder: Path) -> str:
    """The directory of the instance that has locked the disk in `folder`; empty when nobody has."""
    try:
        return str((folder / DISK_LOCK).readlink())
    except OSError:
        return ""


def is_alive(directory: Path) -> bool:
    """Whether a VM or a host agent of the instance at `directory` runs."""
    names = ("ha.pid", *(f"{driver}.pid" for driver in DRIVERS))
    return any(process_fact(directory / name, directory).pid for name in names)


def lock(home: HomePaths, name: str, directory: Path) -> Path:
    """Claim a disk for the instance at `directory` and return its image; raises LockedError, NotFoundError.

    A lock of ours is left from a crash, and one of an instance that does not run is taken over."""
    folder = home.data_disk(name)
    if not (folder / DISK_IMAGE).exists():
        raise NotFoundError(f"disk {ticked(name)} does not exist ({ticked(str(folder / DISK_IMAGE))})",
                            hint=f"make it: {notice.program()} disk create {name} --size 10GiB")
    with locked(folder):  # of two that find the same dead holder, one takes over
        _drop_dead(folder, name, directory)
        try:
            (folder / DISK_LOCK).symlink_to(directory)
        except OSError as error:
            raise write_failed(folder / DISK_LOCK, error) from error
    return folder / DISK_IMAGE


def _drop_dead(folder: Path, name: str, directory: Path) -> None:
    holder = holder_of(folder)
    if holder and holder != str(directory):
        if is_alive(Path(holder)):
            raise LockedError(f"disk {ticked(name)} is in use by instance {ticked(Path(holder).name)}",
                              hint=f"stop it first: {notice.program()} stop {Path(holder).name}")
        notice.warning(f"Disk {ticked(name)} was still locked by instance {ticked(Path(holder).name)}, "
                       "which does not run; taking it over")
    (folder / DISK_LOCK).unlink(missing_ok=True)


def unlock(home: HomePaths, name: str, directory: Path) -> bool:
    """Give up a disk that the instance at `directory` holds; False when it holds it not."""
    folder = home.data_disk(name)
    if holder_of(folder) != str(directory):
        return False
    (folder / DISK_LOCK).unlink(missing_ok=True)
    return True


def held_by(home: HomePaths, directory: Path) -> tuple[Path, ...]:
    """The folders of the disks that the instance at `directory` holds."""
    try:
        folders = sorted(home.disks.iterdir())
    except OSError:
        return ()
    return tuple(folder for folder in folders if holder_of(folder) == str(directory))


def unlock_all(home: HomePaths, directory: Path) -> tuple[str, ...]:
    """Give up every disk that the instance at `directory` holds; returns their names."""
    held = held_by(home, directory)
    for folder in held:
        (folder / DISK_LOCK).unlink(missing_ok=True)
    return tuple(folder.name for folder in held)
