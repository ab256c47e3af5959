"""A directory of the host as a guest may use it: no path, link or race leads out of it.

Each path is walked from an open directory, one component at a time and never through a link that the kernel would
follow; links are read and walked by the same rules. What is swapped meanwhile is an error, not a way out.
Only the standard library, because the SFTP server that runs on it is one small process per mount."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

Place = tuple[int, bytes]
"""An open directory and a name in it, which is not a link that would have to be followed."""

MOST_LINKS = 40
"""Links on one path, as in Linux."""

_LINUX = sys.platform.startswith("linux")
_STEP = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ALWAYS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
MODE = 0o1777 if os.geteuid() == 0 else 0o7777
"""As root, nothing that a guest makes may run as its owner on the host."""


class Tree:
    """Everything below `location`; changing calls raise PermissionError when it is not `writable`.

    Paths are absolute below the location, as the client was told it, or relative to it. Raises OSError."""

    def __init__(self, location: bytes, *, writable: bool) -> None:
        self._root = os.open(location, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.location = location.rstrip(b"/") or b"/"
        self._names = {self.location, os.path.realpath(self.location)}
        self._writable = writable

    def close(self) -> None:
        """Let go of the directory."""
        os.close(self._root)

    def stat(self, path: bytes, *, follow: bool) -> os.stat_result:
        """What is there; with `follow` behind links."""
        with self._at(path, follow=follow) as (folder, name):
            return os.stat(name, dir_fd=folder, follow_symlinks=False)

    def real(self, path: bytes) -> bytes:
        """The path as the client would write it, without `.` and `..`; refused when that is outside."""
        parts: list[bytes] = []
        for part in self.parts(path):
            if part == b"..":
                if not parts:
                    raise _outside()
                parts.pop()
            else:
                parts.append(part)
        return b"/".join((self.location.rstrip(b"/"), *parts)) or b"/"

    def open(self, path: bytes, flags: int, mode: int = 0o666) -> int:
        """A descriptor of a regular file; devices and pipes are refused, since opening them already does something."""
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND):
            self.must_change()
        with self._at(path, follow=not flags & os.O_EXCL) as (folder, name):
            if not flags & os.O_CREAT:
                _regular(os.stat(name, dir_fd=folder, follow_symlinks=False))
            fd = os.open(name, flags | _ALWAYS, mode & MODE, dir_fd=folder)
        try:
            _regular(os.fstat(fd))
        except OSError:
            os.close(fd)
            raise
        return fd

    def folder(self, path: bytes) -> int:
        """A descriptor of a directory, for listing it."""
        with self._at(path, follow=True) as (folder, name):
            return os.open(name, os.O_RDONLY | os.O_DIRECTORY | _ALWAYS, dir_fd=folder)

    def readlink(self, path: bytes) -> bytes:
        """What a link says, wherever that is."""
        with self._at(path, follow=False) as (folder, name):
            return os.readlink(name, dir_fd=folder)

    def statvfs(self, path: bytes) -> os.statvfs_result:
        """Room on the file system."""
        with self._at(path, follow=True) as (folder, _):
            return os.fstatvfs(folder)

    def unlink(self, path: bytes) -> None:
        """Remove a file or link."""
        with self._changing(path) as (folder, name):
            os.unlink(name, dir_fd=folder)

    def rmdir(self, path: bytes) -> None:
        """Remove an empty directory."""
        with self._changing(path) as (folder, name):
            os.rmdir(name, dir_fd=folder)

    def mkdir(self, path: bytes, mode: int) -> None:
        """Make a directory."""
        with self._changing(path) as (folder, name):
            os.mkdir(name, mode & MODE, dir_fd=folder)

    def symlink(self, target: bytes, path: bytes) -> None:
        """Make a link that says `target`; it may say anything, following it is what is guarded."""
        with self._changing(path) as (folder, name):
            os.symlink(target, name, dir_fd=folder)

    def rename(self, old: bytes, new: bytes, *, replace: bool) -> None:
        """Give `old` the name `new`; without `replace` an existing one is an error."""
        with self._changing(old) as (source, was), self._changing(new) as (target, name):
            if not replace and _exists(name, target):
                raise FileExistsError(errno.EEXIST, "exists")
            os.replace(was, name, src_dir_fd=source, dst_dir_fd=target)

    def link(self, old: bytes, new: bytes) -> None:
        """A second name for a file."""
        with self._changing(old) as (source, was), self._changing(new) as (target, name):
            os.link(was, name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)

    def truncate(self, path: bytes, size: int) -> None:
        """Set the length of a file."""
        fd = self.open(path, os.O_WRONLY)
        try:
            os.ftruncate(fd, size)
        finally:
            os.close(fd)

    def chmod(self, path: bytes, mode: int) -> None:
        """Set permissions, of what a link leads to."""
        with self._changing(path, follow=True) as (folder, name):
            _chmod(folder, name, mode & MODE)

    def chown(self, path: bytes, uid: int, gid: int) -> None:
        """Set the owner."""
        with self._changing(path, follow=True) as (folder, name):
            os.chown(name, uid, gid, dir_fd=folder, follow_symlinks=False)

    def utime(self, path: bytes, accessed: int, modified: int) -> None:
        """Set the times, in seconds since the epoch."""
        with self._changing(path, follow=True) as (folder, name):
            os.utime(name, (accessed, modified), dir_fd=folder, follow_symlinks=False)

    def must_change(self) -> None:
        """Raise PermissionError when nothing may be changed."""
        if not self._writable:
            raise PermissionError(errno.EROFS, "the mount is read-only")

    @contextlib.contextmanager
    def _changing(self, path: bytes, *, follow: bool = False) -> Iterator[Place]:
        self.must_change()
        with self._at(path, follow=follow) as place:
            yield place

    def parts(self, path: bytes) -> list[bytes]:
        """The names on a path below the location; refused when it is absolute and elsewhere."""
        if path.startswith(b"/"):
            path = self._below(path)
        return [part for part in path.split(b"/") if part not in (b"", b".")]

    def _below(self, path: bytes) -> bytes:
        for name in self._names:
            if path == name or path.startswith(name.rstrip(b"/") + b"/"):
                return path[len(name):]
        raise _outside()

    @contextlib.contextmanager
    def _at(self, path: bytes, *, follow: bool) -> Iterator[Place]:
        """Walk to the directory that holds the last name; `.` stands for the location itself."""
        walk = _Walk(self, self._root)
        try:
            yield walk.to(deque(self.parts(path)), follow=follow)
        finally:
            walk.close()


class _Walk:
    """The open directories from the root of a tree to where a path has led so far."""

    def __init__(self, tree: Tree, root: int) -> None:
        self._tree, self._root = tree, root
        self._folders: list[int] = []
        self._links = 0

    def close(self) -> None:
        while self._folders:
            os.close(self._folders.pop())

    def to(self, parts: deque[bytes], *, follow: bool) -> Place:
        while parts:
            part = parts.popleft()
            if part == b"..":
                self._up()
            elif parts:
                if not self._enter(part):
                    self._replace(part, parts)
            elif follow and _is_link(part, self._here):
                self._replace(part, parts)
            else:
                return self._here, part
        return self._here, b"."

    @property
    def _here(self) -> int:
        return self._folders[-1] if self._folders else self._root

    def _up(self) -> None:
        if not self._folders:
            raise _outside()
        os.close(self._folders.pop())

    def _enter(self, part: bytes) -> bool:
        try:
            self._folders.append(os.open(part, _STEP, dir_fd=self._here))
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
            return False
        return True

    def _replace(self, part: bytes, parts: deque[bytes]) -> None:
        """Put what the link `part` says in its place."""
        try:
            target = os.readlink(part, dir_fd=self._here)
        except OSError as error:
            raise NotADirectoryError(errno.ENOTDIR, "not a directory") from error
        self._links += 1
        if self._links > MOST_LINKS:
            raise OSError(errno.ELOOP, "too many links")
        parts.extendleft(reversed(self._tree.parts(target)))
        if target.startswith(b"/"):
            self.close()


def _outside() -> PermissionError:
    return PermissionError(errno.EACCES, "leads out of the mounted directory")


def _is_link(name: bytes, folder: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def _exists(name: bytes, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _regular(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "is a directory")
    if not stat.S_ISREG(found.st_mode):
        raise PermissionError(errno.EPERM, "not a regular file")


def _chmod(folder: int, name: bytes, mode: int) -> None:
    if not _LINUX:
        os.chmod(name, mode, dir_fd=folder, follow_symlinks=False)
        return
    # Linux has no chmod that leaves links alone: one on the open file itself, also without the right to read it.
    fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        if stat.S_ISLNK(os.fstat(fd).st_mode):
            raise OSError(errno.ELOOP, "is a link")
        Path(f"/proc/self/fd/{fd}").chmod(mode)
    finally:
        os.close(fd)
