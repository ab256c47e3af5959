"""Files without half-written states: atomic writes, locks, sparse and reflink copies."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from limacore.errors import HostError, LockedError

Copied = Callable[[int], None]
"""Gets the number of bytes that were copied since it was last called."""
_FICLONE = 0x40049409  # linux/fs.h: share the extents of another file


def write_atomic(path: Path, data: bytes | str, mode: int = 0o644) -> None:
    """Replace `path` by a complete file or leave it untouched; raises HostError when it cannot be written."""
    raw = data.encode() if isinstance(data, str) else data
    try:
        with _temporary(path, mode) as (fd, temporary):
            _write_all(fd, raw)
            os.fsync(fd)
            temporary.replace(path)
    except OSError as error:
        raise write_failed(path, error) from error


def write_failed(path: Path, error: OSError) -> HostError:
    """The error of a failed write, with what to do about it."""
    hints = {
        errno.ENOSPC: "free some space on that file system, then try again",
        errno.EDQUOT: "your disk quota is used up",
        errno.EACCES: "check the permissions of that directory",
        errno.EROFS: "that file system is mounted read-only",
    }
    return HostError(f"cannot write `{path}`", detail=error.strerror or str(error),
                     hint=hints.get(error.errno or 0, ""))


def mkdir_failed(path: Path, error: OSError) -> HostError:
    """The error of a directory that could not be made, in limactl's words."""
    hint = write_failed(path, error).hint
    return HostError(f"mkdir {path}: {(error.strerror or str(error)).lower()}", hint=hint)


def make_private(path: Path) -> None:
    """Make a directory and those above it that are missing, for this user alone; raises OSError."""
    if path.is_dir():
        return
    if path.parent != path:
        make_private(path.parent)
    path.mkdir(mode=0o700)


def remove_tree(path: Path) -> None:
    """Remove a file, a link (not what it points to) or a directory with all in it; no error when there is none.

    Directories that are closed to their owner are opened for it. Raises HostError.
    """
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, onerror=_opening(path))
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise HostError(f"remove {path}: {(error.strerror or str(error)).lower()}") from error


def _opening(root: Path) -> Callable[[Callable[..., Any], str, Any], None]:
    def retry(function: Callable[..., Any], name: str, info: Any) -> None:
        """Called by rmtree: what could not be read is a directory without permissions, or in one."""
        path = Path(name)
        if not isinstance(info[1], PermissionError):
            raise info[1]
        if function in (os.unlink, os.rmdir):
            if path == root:
                raise info[1]
            path.parent.chmod(0o700)
            function(path)
        elif path.stat().st_mode & 0o700 != 0o700:
            path.chmod(0o700)
            shutil.rmtree(path, onerror=retry)
        else:
            raise info[1]

    return retry


def _write_all(fd: int, raw: bytes) -> None:
    view = memoryview(raw)
    while view:
        view = view[os.write(fd, view):]


@contextlib.contextmanager
def _temporary(path: Path, mode: int) -> Iterator[tuple[int, Path]]:
    fd, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        os.fchmod(fd, mode)
        yield fd, Path(name)
    finally:
        os.close(fd)
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True, busy: str = "", make: bool = True) -> Iterator[None]:
    """Hold an exclusive flock on a directory or file (made when missing, if `make`).

    Raises LockedError when another process holds it and this is not to `wait`.
    """
    flags = os.O_RDWR | os.O_CREAT if make and not path.is_dir() else os.O_RDONLY
    fd = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    except BlockingIOError as error:
        raise LockedError(busy or f"`{path}` is in use by another process") from error
    finally:
        os.close(fd)


def symlink_atomic(target: str, link: Path) -> None:
    """Make `link` point to `target`, replacing what was there."""
    temporary = link.with_name(f".{link.name}.{os.getpid()}.tmp")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    temporary.symlink_to(target)
    temporary.replace(link)


def share(source: Path, target: Path, *, link: bool = True, copied: Copied = lambda count: None) -> str:
    """Give `target` the content of `source` the cheapest way; returns `reflink`, `hardlink` or `copy`.

    Without `link` the two never are one file: for sources that somebody may write to. `copied` is called as bytes
    are copied, and may raise to end it.
    """
    if _reflink(source, target):
        return "reflink"
    if link:
        with contextlib.suppress(OSError):
            target.hardlink_to(source)
            return "hardlink"
    copy_sparse(source, target, copied)
    return "copy"


def _reflink(source: Path, target: Path) -> bool:
    with source.open("rb") as src:
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            fcntl.ioctl(fd, _FICLONE, src.fileno())
            return True
        except OSError:
            target.unlink()
            return False
        finally:
            os.close(fd)


def copy_sparse(source: Path, target: Path, copied: Copied = lambda count: None) -> None:
    """Copy a file and keep its holes; `target` appears only when complete. Raises HostError."""
    try:
        with source.open("rb") as src, _temporary(target, 0o644) as (fd, temporary):
            size = os.fstat(src.fileno()).st_size
            os.ftruncate(fd, size)
            for start, end in _extents(src.fileno(), size):
                _copy_range(src.fileno(), fd, start, end, copied)
            temporary.replace(target)
    except OSError as error:
        raise write_failed(target, error) from error


def _extents(fd: int, size: int) -> Iterator[tuple[int, int]]:
    position = 0
    while position < size:
        try:
            start = os.lseek(fd, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # only a hole is left
                return
            raise
        position = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, position


def _copy_range(source: int, target: int, start: int, end: int, copied: Copied) -> None:
    while start < end:
        block = os.pread(source, min(1 << 20, end - start), start)
        if not block:
            return
        os.pwrite(target, block, start)
        start += len(block)
        copied(len(block))
