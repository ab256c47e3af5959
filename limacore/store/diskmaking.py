"""Making the files of an additional disk: aside, in a hidden directory that gets its name when they are complete."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from limacore.base.files import locked, remove_tree, write_failed
from limacore.base.goquote import ticked
from limacore.errors import AlreadyExistsError, HostError, LockedError

SECTOR = 512


def reason(error: OSError) -> str:
    """Why a file operation failed, in the words of Go: `no such file or directory`."""
    return (error.strerror or str(error)).lower()


def taken(folder: Path) -> AlreadyExistsError:
    """The error of a name that a disk has already."""
    return AlreadyExistsError(f"disk {ticked(folder.name)} already exists ({ticked(str(folder))})",
                              hint="choose another name")


@contextlib.contextmanager
def staged(folder: Path, mode: int) -> Iterator[Path]:
    """A hidden directory that becomes `folder` when the block ends well; else nothing is left."""
    stage = folder.with_name(f".create-{folder.name}-{os.getpid()}")
    _make_folder(folder.parent.parent, 0o700, exist_ok=True)
    _make_folder(folder.parent, mode, exist_ok=True)
    _sweep(folder.parent)
    _make_folder(stage, mode)
    try:
        with locked(stage, wait=False):
            yield stage
            stage.rename(folder)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):  # another command was quicker
            raise taken(folder) from None
        raise write_failed(folder, error) from error
    finally:
        remove_tree(stage)


def _sweep(parent: Path) -> None:
    """Remove what a killed command left: a stage that nobody holds locked."""
    for stage in parent.glob(".create-*"):
        with contextlib.suppress(LockedError, OSError), locked(stage, wait=False):
            remove_tree(stage)


def _make_folder(path: Path, mode: int, *, exist_ok: bool = False) -> None:
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=exist_ok)
    except OSError as error:
        raise HostError(f"mkdir {path}: {reason(error)}", hint=write_failed(path, error).hint) from error


def make_image(path: Path, size: int, kind: str) -> None:
    """An empty image of `size` bytes, rounded up to whole sectors; raises HostError."""
    if kind == "raw":
        with path.open("xb") as file:
            file.truncate(rounded(size))
        return
    qemu_img("create", "-q", "-f", "qcow2", str(path), str(rounded(size)))


def rounded(size: int) -> int:
    """The next size in whole sectors."""
    return -(-size // SECTOR) * SECTOR


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
