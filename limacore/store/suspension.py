"""The record of a suspended instance: written when nothing runs any more, gone before its guest runs again.

It says nothing of the disk, which speaks for itself: a state fits as long as nobody has written since it was saved.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from limacore.base import proc, qcowsnapshots
from limacore.base.files import write_atomic
from limacore.base.goquote import ticked
from limacore.errors import DriverError, HostError
from limacore.model.config import Config
from limacore.model.suspension import TAG, Suspension
from limacore.paths import HomePaths, InstancePaths

_FORMAT = 1
_DELETE_TIME = 300.0


def exists(paths: InstancePaths) -> bool:
    """Whether there is a record."""
    return paths.suspended.exists()


def is_held(paths: InstancePaths) -> bool:
    """Whether there is a record and its disk is still as it was: limactl may have booted the instance meanwhile."""
    try:
        return exists(paths) and qcowsnapshots.is_untouched(paths.disk, TAG)
    except OSError:
        return False


def read(paths: InstancePaths) -> Suspension | None:
    """The record; None without one, and for one that cannot be used."""
    try:
        found = msgspec.json.decode(paths.suspended.read_bytes(), type=Suspension)
    except (OSError, msgspec.MsgspecError):
        return None
    return found if found.format == _FORMAT else None


def write(paths: InstancePaths, record: Suspension) -> None:
    """Keep the record; raises HostError."""
    write_atomic(paths.suspended, msgspec.json.format(msgspec.json.encode(record), indent=1), 0o600)


def forget(paths: InstancePaths) -> None:
    """From now on the instance is not suspended; its disks may still hold the state."""
    paths.suspended.unlink(missing_ok=True)


def why_not(record: Suspension, paths: InstancePaths, home: HomePaths, config: Config) -> str:
    """What keeps the state from being used, as far as files tell; empty when it fits."""
    if digest_of_config(config) != record.config:
        return "the configuration of the instance was changed"
    try:
        if digest_of_file(paths.cidata) != record.seed:
            return f"{ticked(paths.cidata.name)}, which the guest has mounted, is another one now"
        for disk in disks(paths, home, config):
            if not qcowsnapshots.is_untouched(disk, record.tag):
                return f"the disk {ticked(str(disk))} was changed since, or the state in it is gone"
    except OSError as error:
        return f"{error.filename}: {(error.strerror or str(error)).lower()}"
    return ""


def disks(paths: InstancePaths, home: HomePaths, config: Config) -> tuple[Path, ...]:
    """The images that a state is kept in: all that the guest may write to."""
    return (paths.disk, *(home.data_disk(disk.name) / "datadisk" for disk in config.additional_disks))


async def clean(paths: InstancePaths, home: HomePaths, config: Config, tag: str = TAG) -> None:
    """Give back the room of a state that nobody will load; of an instance that does not run. Raises LimaError."""
    for disk in disks(paths, home, config):
        try:
            held = tag in qcowsnapshots.tags(disk)
        except OSError:
            continue
        if held:
            done = await proc.run(["qemu-img", "snapshot", "-d", tag, str(disk)], timeout=_DELETE_TIME)
            if done.code:
                raise DriverError(f"the saved state in `{disk}` cannot be deleted", detail=done.stderr.strip())


def digest_of_config(config: Config) -> str:
    """A name for a configuration."""
    return hashlib.sha256(msgspec.json.encode(config)).hexdigest()


def digest_of_file(path: Path) -> str:
    """The SHA-256 of a file; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seed_of(paths: InstancePaths) -> str:
    """The digest of the seed; raises HostError."""
    try:
        return digest_of_file(paths.cidata)
    except OSError as error:
        raise HostError(f"cannot read `{paths.cidata}`", detail=error.strerror or str(error)) from error
