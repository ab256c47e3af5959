"""Additional disks (`_disks/NAME`) and main disks: listing, making, importing, growing, removing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from limacore.base import diskformat, notice
from limacore.base.files import remove_tree, share
from limacore.base.goquote import ticked
from limacore.base.units import format_size, parse_size
from limacore.errors import HostError, LimaError, LockedError, NotFoundError, StateError, UsageError
from limacore.model.disk import DataDisk
from limacore.paths import DISK_IMAGE, DISK_LOCK, HomePaths, InstancePaths
from limacore.store.disklocks import holder_of, is_alive
from limacore.store.diskmaking import SECTOR, make_image, qemu_img, reason, rounded, staged, taken

FORMATS = ("qcow2", "raw")


def list_all(home: HomePaths) -> tuple[DataDisk, ...]:
    """Additional disks by name, then the main disk of each instance; never raises for a single broken one."""
    try:
        return (*list_additional(home), *list_main(home))
    except HostError:
        return tuple(list_main(home))


def list_additional(home: HomePaths) -> tuple[DataDisk, ...]:
    """Everything in `_disks` by name, with an `error` where it is no disk; raises HostError for an unreadable home."""
    try:
        names = sorted(path.name for path in home.disks.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise HostError(f"open {home.disks}: {reason(error)}") from error
    return tuple(inspect(home, name) for name in names)


def inspect(home: HomePaths, name: str) -> DataDisk:
    """The additional disk `name` as it is; what is wrong with it is in `error`."""
    folder = home.disks / name
    holder = holder_of(folder)
    known = DataDisk(name=name, dir=str(folder), holder=Path(holder).name, holder_dir=holder,
                     holder_alive=bool(holder) and is_alive(Path(holder)))
    try:
        home.data_disk(name)
    except UsageError as error:
        return _with(known, error=error.message)
    return _measured(folder / DISK_IMAGE, known)


def list_main(home: HomePaths) -> Iterator[DataDisk]:
    """The main disk of each instance that has one."""
    try:
        names = sorted(path.name for path in home.home.iterdir() if not path.name.startswith((".", "_")))
    except OSError:
        return
    for name in names:
        paths = InstancePaths(home.home / name)
        image = next((each for each in (paths.disk, paths.diffdisk) if each.exists()), None)
        if image is not None and not paths.dir.is_symlink():
            yield _measured(image, DataDisk(name=name, dir=str(paths.dir), holder=name, holder_dir=str(paths.dir),
                                            main=True, holder_alive=is_alive(paths.dir)))


def _measured(path: Path, known: DataDisk) -> DataDisk:
    try:
        state = path.stat()
        image = diskformat.read(path)
    except OSError as failure:
        return _with(known, error=f"stat {path}: {reason(failure)}")
    if image.format == "qcow2" and image.size < 0:
        return _with(known, error=f"{path}: the header of the qcow2 image is damaged")
    return _with(known, size=max(image.size, 0), allocated=state.st_blocks * SECTOR, format=image.format)


def _with(disk: DataDisk, *, size: int = 0, allocated: int = 0, format: str = "", error: str = "") -> DataDisk:
    return DataDisk(name=disk.name, dir=disk.dir, size=size, allocated=allocated, format=format, holder=disk.holder,
                    holder_alive=disk.holder_alive, main=disk.main, error=error, holder_dir=disk.holder_dir)


def exists(home: HomePaths, name: str) -> bool:
    """Whether there is a usable additional disk of that name; raises UsageError when it is no disk name."""
    home.data_disk(name)
    return not inspect(home, name).error


def create(home: HomePaths, name: str, size: str, kind: str = "qcow2") -> DataDisk:
    """Make an additional disk; on any error nothing is left. Raises UsageError, AlreadyExistsError, HostError."""
    folder, number = home.data_disk(name), parse_size(size)
    if kind not in FORMATS:
        raise _unsupported(kind)
    if number < 1:
        raise UsageError("the size of a disk cannot be 0", hint="write a size such as 10GiB")
    _require_free(folder)
    notice.info(f"Creating {kind} disk {ticked(name)} with size {format_size(number)}")
    with staged(folder, 0o700) as stage:
        make_image(stage / DISK_IMAGE, number, kind)
    return inspect(home, name)


def _unsupported(kind: str) -> UsageError:
    return UsageError(f"disk format {ticked(kind)} not supported, use `qcow2` or `raw` instead")


def _require_free(folder: Path) -> None:
    try:
        folder.lstat()
    except FileNotFoundError:
        return
    except OSError:
        pass  # whatever is there, it is not for us to take
    raise taken(folder)


def import_(home: HomePaths, name: str, file: str | Path) -> DataDisk:
    """Make an additional disk of a qcow2 or raw file, which stays; on any error nothing is left. Raises LimaError."""
    folder = home.data_disk(name)
    _require_free(folder)
    size = _importable(Path(file))
    with staged(folder, 0o755) as stage:
        share(Path(file), stage / DISK_IMAGE, link=False)
    notice.info(f"Imported {name} with size {format_size(size)}")
    return inspect(home, name)


def _importable(file: Path) -> int:
    """The size of an image that is complete in itself."""
    try:
        image = diskformat.read(file)
    except IsADirectoryError as error:
        raise UsageError(f"read {file}: is a directory") from error
    except OSError as error:
        raise NotFoundError(f"open {file}: {reason(error)}") from error
    kind = "raw" if image.format == "iso" else image.format
    if kind not in FORMATS:
        raise _unsupported(kind)
    if image.backing:
        raise UsageError(f"{ticked(str(file))} needs another file, {ticked(image.backing)}: it is only a layer over it",
                         hint=f"join them first: qemu-img convert -O qcow2 {file} whole.qcow2")
    return image.size


def resize(home: HomePaths, name: str, size: str) -> DataDisk:
    """Make an additional disk larger; raises UsageError when that would shrink it, LockedError while it is in use."""
    wanted = parse_size(size)
    disk = _require(home, name)
    if wanted < disk.size:
        raise UsageError(f"specified size {ticked(format_size(wanted))} is less than the current disk size "
                         f"{ticked(format_size(disk.size))}. Disk shrinking is currently unavailable")
    if disk.holder_alive:
        raise LockedError(f"cannot resize disk {ticked(name)} used by running instance {ticked(disk.holder)}. "
                          "Please stop the VM instance")
    if wanted > disk.size:
        try:
            qemu_img("resize", "-q", "-f", disk.format, f"{disk.dir}/{DISK_IMAGE}", str(rounded(wanted)))
        except HostError as error:
            raise HostError(f"failed to resize disk {ticked(name)}", detail=error.detail or error.message,
                            hint=error.hint) from error
    notice.info(f"Resized disk {ticked(name)} ({ticked(disk.dir)})")
    return inspect(home, name)


def _require(home: HomePaths, name: str) -> DataDisk:
    home.data_disk(name)
    disk = inspect(home, name)
    if disk.error:
        raise NotFoundError(f"disk {ticked(name)} does not exists", hint=f"see `{notice.program()} disk list`")
    return disk


def delete(home: HomePaths, name: str, *, force: bool = False) -> None:
    """Remove an additional disk; raises NotFoundError, and LockedError when an instance uses or lists it.

    `force` removes one that is only locked or listed, and the rest of a broken one; never one that is in use.
    """
    folder = home.data_disk(name)
    disk = inspect(home, name)
    if not os.path.lexists(folder) or (disk.error and not force):
        raise NotFoundError(f"disk {ticked(name)} does not exist", hint=f"see `{notice.program()} disk list`")
    refusal = _why_not_delete(home, disk, force)
    if refusal is not None:
        raise refusal
    remove_tree(folder)
    notice.info(f"Deleted {ticked(name)} ({ticked(str(folder))})")


def _why_not_delete(home: HomePaths, disk: DataDisk, force: bool) -> LimaError | None:
    held = f"cannot delete disk {ticked(disk.name)} in use by instance {ticked(disk.holder)}"
    if disk.holder_alive:
        return LockedError(held, detail="which is running",
                           hint=f"stop it first: {notice.program()} stop {disk.holder}")
    if force:
        return None
    if disk.holder:
        return LockedError(held, hint=f"it does not run: {notice.program()} disk unlock {disk.name}")
    users = users_of(home, disk.name)
    if users:
        return LockedError(f"disk {ticked(disk.name)} is listed in lima.yaml of {', '.join(map(ticked, users))}",
                           hint=f"remove it there first, or: {notice.program()} disk delete --force {disk.name}")
    return None


def users_of(home: HomePaths, name: str) -> tuple[str, ...]:
    """Names of the instances whose lima.yaml lists the disk."""
    from limacore.store.scan import users_of_disk

    return users_of_disk(home, name)


def release(home: HomePaths, name: str) -> None:
    """Remove the lock that an instance left which does not run; raises NotFoundError, StateError, LockedError."""
    folder = home.data_disk(name)
    disk = inspect(home, name)
    if disk.error:
        raise NotFoundError(f"disk {ticked(name)} does not exist", hint=f"see `{notice.program()} disk list`")
    if not disk.holder:
        raise StateError(f"disk {ticked(name)} is not locked")
    if disk.holder_alive:
        raise LockedError(f"Cannot unlock disk {ticked(name)} used by running instance {ticked(disk.holder)}",
                          hint=f"stop it first: {notice.program()} stop {disk.holder}")
    (folder / DISK_LOCK).unlink(missing_ok=True)
    notice.info(f"Unlocked disk {ticked(name)} ({ticked(str(folder))})")
