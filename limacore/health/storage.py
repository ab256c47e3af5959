"""Disks: the main one of each instance, additional ones, and who holds them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from limacore.base import diskformat, notice, proc
from limacore.base.diskformat import DiskImage
from limacore.base.units import format_size
from limacore.model.config import Config
from limacore.model.finding import Finding, Severity
from limacore.model.instance import Instance
from limacore.paths import DISK_IMAGE, DISK_LOCK, HomePaths, InstancePaths
from limacore.store import disklocks


def main_disk(paths: InstancePaths, instance: Instance) -> Iterator[Finding]:
    """The disk that the instance boots from."""
    subject = f"instance {paths.name}"
    if paths.disk.is_symlink() and not paths.disk.exists():
        yield Finding(id="disk-dangling", severity=Severity.ERROR, subject=subject, what="its disk is missing",
                      evidence=(f"`{paths.disk}` points to `{paths.disk.readlink()}`, which does not exist",),
                      why="it cannot start",
                      fix=f"bring that file back, or begin anew: {notice.program()} factory-reset {paths.name}")
        return
    disk = paths.disk if paths.disk.exists() else paths.diffdisk
    if not disk.exists():
        return
    image = _read(disk)
    if image is None:
        yield Finding(id="disk-unreadable", severity=Severity.ERROR, subject=subject, what="its disk cannot be read",
                      evidence=(f"`{disk}`",), why="it cannot start", fix=f"chmod u+rw '{disk}'")
        return
    yield from _flags(disk, image, subject, busy=bool(instance.driver_pid))
    yield from _backing(disk, image, subject)
    if instance.config is not None:
        yield from _size(image, instance.config, subject)


def _read(path: Path) -> DiskImage | None:
    try:
        return diskformat.read(path) if os.access(path, os.R_OK | os.W_OK) else None
    except OSError:
        return None


def _flags(disk: Path, image: DiskImage, subject: str, *, busy: bool) -> Iterator[Finding]:
    evidence, repair = (f"a flag in the header of `{disk}`",), f"qemu-img check -r all '{disk}'"
    if image.corrupt:
        yield Finding(id="disk-corrupt", severity=Severity.ERROR, subject=subject,
                      what="QEMU has marked the disk as corrupt", evidence=evidence,
                      why="QEMU opens it for reading only", fix=f"stop the instance, then: {repair}")
    if image.dirty and not busy:
        yield Finding(id="disk-dirty", severity=Severity.NOTE, subject=subject,
                      what="the disk was not closed in order", evidence=evidence,
                      why="QEMU repairs it when it opens it", fix=f"or now: {repair}")


def _backing(disk: Path, image: DiskImage, subject: str) -> Iterator[Finding]:
    if not image.backing:
        return
    backing = disk.resolve().parent / image.backing
    if not backing.exists():
        yield Finding(id="backing-missing", severity=Severity.ERROR, subject=subject,
                      what="the file that its disk is based on is missing",
                      evidence=(f"`{disk}` names `{image.backing}`, which does not exist",),
                      why="the disk holds only what changed since; without its base it is lost",
                      fix=f"bring `{backing}` back")


def _size(image: DiskImage, config: Config, subject: str) -> Iterator[Finding]:
    wanted, actual = config.disk_bytes, image.size
    if image.format == "iso" or actual < 0 or wanted == actual:
        return
    sizes = (f"lima.yaml: {format_size(wanted)}, the disk: {format_size(actual)}",)
    if wanted < actual:
        yield Finding(id="disk-larger", severity=Severity.WARNING, subject=subject,
                      what="its disk is larger than lima.yaml says", evidence=sizes,
                      why="disks are never made smaller", fix=f"set `disk: {format_size(actual)}` in lima.yaml")
    else:
        yield Finding(id="disk-smaller", severity=Severity.NOTE, subject=subject,
                      what="its disk is smaller than lima.yaml says", evidence=sizes,
                      why="the next start makes it larger")


async def checked(paths: InstancePaths, instance: Instance) -> tuple[Finding, ...]:
    """What `qemu-img check` says of the disk of a stopped instance: every table of it is read."""
    image = _read(paths.disk) if paths.disk.exists() else None
    if instance.driver_pid or image is None or image.format != "qcow2":
        return ()
    done = await proc.run(["qemu-img", "check", "-q", "-f", "qcow2", str(paths.disk)])
    subject, said = f"instance {paths.name}", tuple((done.stdout + done.stderr).strip().splitlines()[-3:])
    if done.code == 3:
        return (Finding(id="disk-leaks", severity=Severity.NOTE, subject=subject, what="the disk wastes some space",
                        evidence=said, fix=f"qemu-img check -r leaks '{paths.disk}'"),)
    if done.code:
        return (Finding(id="disk-damaged", severity=Severity.ERROR, subject=subject, what="the disk is damaged",
                        evidence=said or (f"`qemu-img check` ended with {done.code}",),
                        why="files in the guest may be lost",
                        fix=f"export it first, then: qemu-img check -r all '{paths.disk}'"),)
    return ()


def additional(home: HomePaths) -> Iterator[Finding]:
    """The disks of `_disks`, and their locks."""
    for folder in sorted(home.disks.iterdir()) if home.disks.is_dir() else ():
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        subject = f"disk {folder.name}"
        if not (folder / DISK_IMAGE).is_file():
            yield Finding(id="disk-empty", severity=Severity.ERROR, subject=subject, what="it has no image",
                          evidence=(f"`{folder / DISK_IMAGE}` does not exist",),
                          fix=f"{notice.program()} disk delete {folder.name}")
        elif image := _read(folder / DISK_IMAGE):
            yield from _flags(folder / DISK_IMAGE, image, subject, busy=bool(disklocks.holder_of(folder)))
        yield from _lock(folder, subject)


def _lock(folder: Path, subject: str) -> Iterator[Finding]:
    link, holder = folder / DISK_LOCK, disklocks.holder_of(folder)
    if not holder or disklocks.is_alive(Path(holder)):
        return
    gone = not Path(holder).is_dir()
    yield Finding(id="disk-lock-left", severity=Severity.WARNING, subject=subject,
                  what=f"it is locked by `{Path(holder).name}`, which does not {'exist' if gone else 'run'}",
                  evidence=(f"`{link}` points to `{holder}`",),
                  why="limactl refuses to start another instance with it",
                  fix=f"{notice.program()} disk unlock {folder.name}",
                  repairable=True, paths=(str(link),))


def wanted(home: HomePaths, instance: Instance) -> Iterator[Finding]:
    """The additional disks that lima.yaml of an instance asks for."""
    for disk in instance.config.additional_disks if instance.config else ():
        folder, subject = home.disks / disk.name, f"instance {instance.name}"
        if not folder.is_dir():
            yield Finding(id="additional-disk-missing", severity=Severity.ERROR, subject=subject,
                          what=f"its additional disk `{disk.name}` does not exist",
                          evidence=(f"`{folder}` is not there",), why="it cannot start",
                          fix=f"{notice.program()} disk create {disk.name} --size 10GiB, or take it out of lima.yaml")
            continue
        holder = disklocks.holder_of(folder)
        if holder and holder != instance.dir and disklocks.is_alive(Path(holder)):
            yield Finding(id="additional-disk-taken", severity=Severity.WARNING, subject=subject,
                          what=f"its additional disk `{disk.name}` is in use by `{Path(holder).name}`",
                          evidence=(f"`{folder / DISK_LOCK}` points to `{holder}`, which runs",),
                          why="it cannot start now", fix=f"{notice.program()} stop {Path(holder).name}")
