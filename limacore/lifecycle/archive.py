"""Export an instance into one file that holds all it needs: what goes into it, and what of its disk must be joined."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from limacore.base import diskformat, notice, proc, sparsetar
from limacore.base.files import locked, write_failed
from limacore.base.goquote import ticked
from limacore.base.log import rfc3339
from limacore.base.sparsetar import Member
from limacore.base.version import VERSION
from limacore.errors import AlreadyExistsError, HostError, LockedError, StateError
from limacore.images.unpack import in_thread
from limacore.lifecycle import manifest, packing
from limacore.lifecycle.guard import configured, held
from limacore.lifecycle.manifest import LINKS, NO_DIGEST, Entry, Manifest
from limacore.lifecycle.packing import Source, from_thread
from limacore.lifecycle.suspended import refuse_suspended
from limacore.model.instance import Instance, Status
from limacore.model.job import Progress
from limacore.paths import PORTABLE_FOLDERS, HomePaths, InstancePaths
from limacore.store.scan import inspect

Report = Callable[[Progress], None]
ENDING = ".tar.zst"
_UNFINISHED = ".limatui-export-"


async def export(home: HomePaths, name: str, file: Path, *, report: Report) -> Path:
    """Write the stopped instance `name` into `file` (a directory: NAME.tar.zst in it); returns the file.

    It appears when complete. Raises StateError while the instance runs, AlreadyExistsError, HostError."""
    paths, target = configured(home, name), _target(file, name)
    with held(paths):
        instance = inspect(home, name)
        _require_stopped(instance)
        with _folder_beside(target) as folder:
            sources = await _sources(paths, folder, report)
            draft = _draft(paths, instance, sources)
            part, tell = folder / "part", from_thread(report)
            await in_thread(lambda stop: packing.write(part, draft, sources, tell, stop))
            _publish(part, target)
    return target


def _target(file: Path, name: str) -> Path:
    target = (file / f"{name}{ENDING}" if file.is_dir() else file).absolute()
    if os.path.lexists(target):
        raise AlreadyExistsError(f"{ticked(str(target))} already exists", hint="choose another name, or remove it")
    return target


def _require_stopped(instance: Instance) -> None:
    refuse_suspended(instance, "export")
    if instance.ha_pid or instance.driver_pid or (instance.status is not Status.STOPPED and not instance.errors):
        raise StateError(f"expected status `Stopped`, got `{instance.status}`",
                         hint=f"its disk changes while it runs; stop it first: {notice.program()} stop {instance.name}")


@contextlib.contextmanager
def _folder_beside(target: Path) -> Iterator[Path]:
    """A hidden folder on the file system of `target` for what is not finished; those of killed exports go."""
    _sweep(target.parent)
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{_UNFINISHED}{target.name}-", dir=target.parent))
    except OSError as error:
        raise write_failed(target, error) from error
    with locked(folder):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _sweep(place: Path) -> None:
    """Remove the unfinished folders that no process holds."""
    for folder in place.glob(f"{_UNFINISHED}*/"):
        with contextlib.suppress(LockedError, OSError), locked(folder, wait=False, make=False):
            shutil.rmtree(folder, ignore_errors=True)


def _publish(part: Path, target: Path) -> None:
    """A hard link refuses to replace what somebody put there meanwhile."""
    try:
        try:
            target.hardlink_to(part)
        except PermissionError:  # a file system without hard links
            part.rename(target)
    except FileExistsError:
        raise AlreadyExistsError(f"{ticked(str(target))} already exists", hint="choose another name") from None
    except OSError as error:
        raise write_failed(target, error) from error


async def _sources(paths: InstancePaths, folder: Path, report: Report) -> tuple[Source, ...]:
    names = [each.name for each in paths.dir.iterdir()]
    if others := manifest.left_out(names):
        notice.info(f"Not part of the archive: {', '.join(others)}")
    chosen = {each: paths.dir / each for each in _carried(paths)}
    if paths.disk.exists() and not self_contained(paths.dir, paths.disk.name):
        chosen = {name: path for name, path in chosen.items() if name not in ("disk", "diffdisk", "basedisk")}
        chosen["disk"] = await _flattened(paths, folder, report)
    if not paths.disk.exists() and not paths.diffdisk.exists():
        notice.warning(f"Instance {ticked(paths.name)} has no disk yet: it will be made from its image when it starts")
    # lima.yaml first, so that an import knows it before gigabytes have passed.
    return tuple(_source(name, chosen[name]) for name in sorted(chosen, key=lambda each: (each != "lima.yaml", each)))


def _carried(paths: InstancePaths) -> list[str]:
    found = [each.name for each in paths.dir.iterdir() if manifest.is_portable(each.name)]
    for folder in PORTABLE_FOLDERS:
        if (paths.dir / folder).is_dir():
            inside = [f"{folder}/{each.name}" for each in (paths.dir / folder).iterdir() if each.is_file()]
            found += [folder, *(each for each in inside if manifest.is_portable(each) and not each.endswith(".pid"))]
    return found


def _source(name: str, path: Path) -> Source:
    if path.is_symlink() and LINKS.get(name) == os.fspath(path.readlink()):
        return Source(Entry(name, "link", target=LINKS[name]), path)
    if path.is_dir():
        return Source(Entry(name, "directory", mode=0o700), path)
    with path.open("rb") as file:  # a link to elsewhere becomes what it points to
        state = os.fstat(file.fileno())
        member = Member(name, size=state.st_size, extents=sparsetar.extents(file.fileno(), state.st_size))
    entry = Entry(name, "file", member.size, member.stored, state.st_mode & 0o755, sha256=NO_DIGEST)
    return Source(entry, path, member.extents)


def self_contained(directory: Path, name: str) -> bool:
    """Whether a disk of an instance needs no file but those that are carried with it."""
    seen: set[str] = set()
    while name:
        path = directory / LINKS.get(name, name) if (directory / name).is_symlink() else directory / name
        if name in seen or path.is_symlink() or not path.is_file():
            return False
        seen.add(name)
        image = diskformat.read(path)
        if image.format not in ("qcow2", "raw", "iso") or image.data_file or image.backing not in ("", "basedisk"):
            return False
        name = image.backing
    return True


async def _flattened(paths: InstancePaths, folder: Path, report: Report) -> Path:
    """The main disk as one file: its parts are outside of the instance directory."""
    notice.info("The disk has parts outside of the instance: joining them (snapshots inside of it are not kept)")
    report(Progress("export", "joining the parts of the disk"))
    target = folder / "disk"
    kind = diskformat.read(paths.disk).format
    argv = ["qemu-img", "convert", "-f", kind, "-O", "qcow2", "-m", "16", "-W", str(paths.disk), str(target)]
    done = await proc.run(argv)
    if done.code:
        raise HostError("cannot join the parts of the disk", detail=done.stderr.strip().removeprefix("qemu-img: "))
    return target


def _draft(paths: InstancePaths, instance: Instance, sources: tuple[Source, ...]) -> Manifest:
    return Manifest(
        paths.name, tuple(each.entry for each in sources), made_by=f"limatui {VERSION}", made_at=rfc3339(time.time()),
        lima_version=instance.lima_version, arch=instance.arch, vm_type=instance.vm_type,
        directory=str(paths.dir), home=str(Path.home()),
    )  # fmt: skip
