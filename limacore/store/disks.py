"""Additional disks (`_disks/NAME`) and main disks: listing, making, removing, and who holds which."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from limacore.base import diskformat
from limacore.base.files import write_failed
from limacore.base.units import parse_size
from limacore.errors import AlreadyExistsError, HostError, LockedError, NotFoundError, UsageError
from limacore.model.disk import DataDisk
from limacore.paths import HomePaths, InstancePaths
from limacore.store.evidence import process_fact

FORMATS = ("qcow2", "raw")
_IMAGE, _LOCK = "datadisk", "in_use_by"
_SECTOR = 512
DRIVERS = ("qemu", "vz", "krunkit")
"""Drivers whose pid files are looked at."""


def list_all(home: HomePaths) -> tuple[DataDisk, ...]:
    """Additional disks by name, then the main disk of each instance; never raises for a single broken one."""
    return (*list_additional(home), *_main_disks(home))


def list_additional(home: HomePaths) -> tuple[DataDisk, ...]:
    """Additional disks by name."""
    return tuple(inspect(home, path.name) for path in _folders(home.disks))


def _folders(parent: Path) -> list[Path]:
    try:
        with os.scandir(parent) as entries:
            names = sorted(each.name for each in entries if each.is_dir(follow_symlinks=False))
    except OSError:
        return []
    return [parent / name for name in names if not name.startswith((".", "_"))]


def inspect(home: HomePaths, name: str) -> DataDisk:
    """The additional disk `name` as it is; what is wrong with it is in `error`."""
    folder = home.disks / name
    holder = holder_of(folder)
    return _disk(folder / _IMAGE, DataDisk(
        name=name, dir=str(folder), holder=Path(holder).name if holder else "",
        holder_alive=bool(holder) and is_alive(Path(holder)),
    ))


def _main_disks(home: HomePaths) -> Iterator[DataDisk]:
    for folder in _folders(home.home):
        paths = InstancePaths(folder)
        image = next((each for each in (paths.disk, paths.diffdisk) if each.exists()), None)
        if image is not None:
            yield _disk(image, DataDisk(name=folder.name, dir=str(folder), holder=folder.name, main=True,
                                        holder_alive=is_alive(folder)))


def _disk(path: Path, known: DataDisk) -> DataDisk:
    size, allocated, kind, error = 0, 0, "", ""
    try:
        image, state = diskformat.read(path), path.stat()
        size, allocated, kind = max(image.size, 0), state.st_blocks * _SECTOR, image.format
    except OSError as failure:
        error = f"{path.name}: {failure.strerror}"
    return DataDisk(name=known.name, dir=known.dir, size=size, allocated=allocated, format=kind, holder=known.holder,
                    holder_alive=known.holder_alive, main=known.main, error=error)


def holder_of(folder: Path) -> str:
    """The directory of the instance that has locked a disk; empty when nobody has."""
    try:
        return str((folder / _LOCK).readlink())
    except OSError:
        return ""


def is_alive(directory: Path) -> bool:
    """Whether a VM or a host agent of the instance at `directory` runs."""
    names = ("ha.pid", *(f"{driver}.pid" for driver in DRIVERS))
    return any(process_fact(directory / name, directory).pid for name in names)


def create(home: HomePaths, name: str, size: str, kind: str = "qcow2") -> DataDisk:
    """Make an additional disk; on any error nothing is left. Raises UsageError, AlreadyExistsError, HostError."""
    folder, number = home.data_disk(name), parse_size(size)
    if kind not in FORMATS:
        raise UsageError(f"disk format `{kind}` is not supported", hint="use qcow2 or raw")
    if number < _SECTOR:
        raise UsageError(f"a disk of {number} bytes is too small", hint="write a size such as 10GiB")
    if os.path.lexists(folder):
        raise AlreadyExistsError(f"disk `{name}` already exists (`{folder}`)", hint="choose another name")
    try:
        home.disks.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise write_failed(folder, error) from error
    with _removed_on_failure(folder):
        _make_image(folder / _IMAGE, number, kind)
    return inspect(home, name)


@contextlib.contextmanager
def _removed_on_failure(folder: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _make_image(path: Path, size: int, kind: str) -> None:
    rounded = -(-size // _SECTOR) * _SECTOR
    if kind == "raw":
        try:
            with path.open("xb") as file:
                file.truncate(rounded)
        except OSError as error:
            raise write_failed(path, error) from error
        return
    qemu_img("create", "-f", "qcow2", str(path), str(rounded))


def qemu_img(*arguments: str) -> str:
    """Run qemu-img to its end and return what it printed; raises HostError."""
    try:
        done = subprocess.run(["qemu-img", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
    except FileNotFoundError:
        raise HostError("`qemu-img` is not installed", hint="install it: apt-get install qemu-utils") from None
    if done.returncode:
        reason = done.stderr.strip().removeprefix("qemu-img: ")
        hint = "free some space, then try again" if "No space left" in reason else ""
        raise HostError(f"`qemu-img {arguments[0]}` failed", detail=reason, hint=hint)
    return done.stdout


def delete(home: HomePaths, name: str, *, force: bool = False) -> None:
    """Remove an additional disk; raises NotFoundError, and LockedError when an instance uses or lists it."""
    folder = home.data_disk(name)
    if not folder.is_dir():
        raise NotFoundError(f"disk `{name}` does not exist", hint="see `limatui disk list`")
    holder = holder_of(folder)
    if holder and is_alive(Path(holder)):
        raise LockedError(f"disk `{name}` is in use by the running instance `{Path(holder).name}`",
                          hint=f"stop it first: limatui stop {Path(holder).name}")
    if not force:
        _require_unused(home, name, holder)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise HostError(f"cannot delete `{folder}`", detail=error.strerror or "") from error


def _require_unused(home: HomePaths, name: str, holder: str) -> None:
    if holder:
        raise LockedError(f"disk `{name}` is locked by instance `{Path(holder).name}`",
                          hint=f"if that instance does not need it any more: limatui disk delete -f {name}")
    from limacore.store.scan import users_of_disk

    users = users_of_disk(home, name)
    if users:
        raise LockedError(f"disk `{name}` is listed in lima.yaml of {', '.join(f'`{each}`' for each in users)}",
                          hint=f"remove it there first, or: limatui disk delete -f {name}")


def lock(home: HomePaths, name: str, directory: Path) -> Path:
    """Claim a disk for the instance at `directory` and return its image; raises LockedError, NotFoundError."""
    folder = home.data_disk(name)
    if not (folder / _IMAGE).exists():
        raise NotFoundError(f"disk `{name}` does not exist (`{folder / _IMAGE}`)",
                            hint=f"make it: limatui disk create {name} --size 10GiB")
    while True:
        try:
            (folder / _LOCK).symlink_to(directory)
            return folder / _IMAGE
        except FileExistsError:
            _release_own(folder, name, directory)
        except OSError as error:
            raise write_failed(folder / _LOCK, error) from error


def _release_own(folder: Path, name: str, directory: Path) -> None:
    """A lock that names us is left from a crash; one of somebody else is respected."""
    holder = holder_of(folder)
    if holder and holder != str(directory):
        state = "running" if is_alive(Path(holder)) else "stopped"
        raise LockedError(f"disk `{name}` is in use by instance `{Path(holder).name}` ({state})",
                          hint=f"if that is wrong, remove `{folder / _LOCK}`")
    (folder / _LOCK).unlink(missing_ok=True)


def unlock(home: HomePaths, name: str, directory: Path) -> bool:
    """Give up a disk that the instance at `directory` holds; False when it holds it not."""
    folder = home.data_disk(name)
    if holder_of(folder) != str(directory):
        return False
    (folder / _LOCK).unlink(missing_ok=True)
    return True


def unlock_all(home: HomePaths, directory: Path) -> tuple[str, ...]:
    """Give up every disk that the instance at `directory` holds; returns their names."""
    held = [folder for folder in _folders(home.disks) if holder_of(folder) == str(directory)]
    for folder in held:
        (folder / _LOCK).unlink(missing_ok=True)
    return tuple(folder.name for folder in held)
