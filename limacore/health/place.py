"""The Lima home and the caches: space, file system, permissions, the key, what killed commands left."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from limacore.base import notice
from limacore.base.files import locked
from limacore.base.units import format_size
from limacore.errors import HostError, LockedError
from limacore.images import cache
from limacore.model.finding import Finding, Severity
from limacore.paths import STAGE, HomePaths, check_socket_length

HOME = "home"
SCARCE, CRITICAL = 5 << 30, 512 << 20
"""Bytes free on a file system below which there is a warning, and an error."""
_NETWORK_FILE_SYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "9p", "afs", "fuse.sshfs")
_STALE = 3 * 86400.0  # seconds after which nobody goes on with a download
_AHEAD = 3600.0


def place(home: HomePaths, mounts: str | None = None) -> Iterator[Finding]:
    """Where the home is, whether it can be written, how long its name is; `mounts` as in /proc/self/mounts."""
    where = _existing(home.home)
    if kind := file_system(where, _mounts() if mounts is None else mounts):
        yield Finding(id="home-on-network", severity=Severity.WARNING, subject=HOME,
                      what="LIMA_HOME is on a network file system", evidence=(f"`{where}` is on {kind}",),
                      why="sockets do not work on it, locks and disks may not",
                      fix="set LIMA_HOME to a directory on a local disk")
    if not os.access(where, os.W_OK | os.X_OK):
        yield Finding(id="home-not-writable", severity=Severity.ERROR, subject=HOME, what="LIMA_HOME cannot be written",
                      evidence=(_mode_of(where),), why="nothing can be created, started or stopped",
                      fix=f"become its owner again: sudo chown -R \"$USER\" '{where}'")
    try:
        check_socket_length(home.home / "a")
    except HostError as error:
        yield Finding(id="home-too-long", severity=Severity.ERROR, subject=HOME,
                      what="the path of LIMA_HOME is too long for any instance", evidence=(error.message,),
                      why="the kernel limits the length of a socket's path", fix="set LIMA_HOME to a shorter directory")


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())


def _mode_of(path: Path) -> str:
    found = path.stat()
    return f"`{path}` belongs to user {found.st_uid} and has mode {stat.S_IMODE(found.st_mode):04o}"


def _mounts() -> str:
    try:
        return Path("/proc/self/mounts").read_text()
    except OSError:
        return ""


def file_system(path: Path, mounts: str) -> str:
    """The type of the file system of `path` when it is one of a network, else ""; `mounts` as in /proc/self/mounts."""
    best, kind = "", ""
    for line in mounts.splitlines():
        _, point, found, *_ = line.split()
        point = point.replace("\\040", " ")
        if len(point) >= len(best) and (path.is_relative_to(point)):
            best, kind = point, found
    return kind if kind in _NETWORK_FILE_SYSTEMS else ""


def space(home: HomePaths, cached: Path, scarce: int = SCARCE, critical: int = CRITICAL) -> Iterator[Finding]:
    """What is free where disks grow and downloads go."""
    for subject, path in ((HOME, _existing(home.home)), ("cache", _existing(cached))):
        free = shutil.disk_usage(path).free
        if free < scarce:
            yield Finding(id=f"space-{subject}", severity=Severity.ERROR if free < critical else Severity.WARNING,
                          subject=HOME if subject == HOME else "host", what=f"only {format_size(free)} are free",
                          evidence=(f"on the file system of `{path}`",),
                          why="a guest whose disk cannot grow is stopped by QEMU, or loses data",
                          fix=f"free some space: {notice.program()} prune --keep-referred; look at `disk list --all`")


def permissions(home: HomePaths) -> Iterator[Finding]:
    """Who else may read the key, or change the home."""
    for path in (home.home, home.config):
        if path.is_dir() and path.stat().st_mode & 0o022:
            yield Finding(id="home-writable-by-others", severity=Severity.WARNING, subject=HOME,
                          what=f"others may write to `{path}`", evidence=(_mode_of(path),),
                          why="who can write there can become you: disks, keys and scripts of guests are in it",
                          fix=f"chmod go-w '{path}'", repairable=True, paths=(str(path),))
    key = home.private_key
    if key.exists() and key.stat().st_mode & 0o077:
        yield Finding(id="key-readable-by-others", severity=Severity.ERROR, subject=HOME,
                      what="the private ssh key is open to others", evidence=(_mode_of(key),),
                      why="ssh refuses to use such a key, so no guest can be reached", fix=f"chmod 600 '{key}'",
                      repairable=True, paths=(str(key),))
    if key.exists() and not home.public_key.exists():
        yield Finding(id="public-key-missing", severity=Severity.ERROR, subject=HOME,
                      what="the public half of the ssh key is missing",
                      evidence=(f"`{key}` exists, `{home.public_key}` does not",),
                      why="new guests would let nobody in", fix=f"ssh-keygen -y -f '{key}' > '{home.public_key}'",
                      repairable=True, paths=(str(home.public_key),))


def left_over(home: HomePaths) -> Iterator[Finding]:
    """What killed commands left in the home."""
    for stage in sorted(home.home.glob(f"{STAGE}*")) if home.home.is_dir() else ():
        if stage.is_dir() and not is_held(stage):
            yield Finding(id="stage-left", severity=Severity.NOTE, subject=HOME,
                          what="a killed command left a half-made instance", evidence=(f"`{stage}`, held by nobody",),
                          why="it takes space; the next command that creates an instance removes it",
                          fix=f"rm -r '{stage}'", repairable=True, paths=(str(stage),))


def is_held(path: Path) -> bool:
    """Whether some process holds the lock of a directory."""
    try:
        with locked(path, wait=False):
            return False
    except (LockedError, OSError):
        return True


def downloads(cached: Path, stale: float = _STALE) -> Iterator[Finding]:
    """Downloads that were begun and not gone on with."""
    for part in sorted(cache.downloads(cached).glob("*/data.*")):
        age = time.time() - part.stat().st_mtime
        if age > stale and not is_held(part.parent):
            yield Finding(id="download-left", severity=Severity.NOTE, subject="host",
                          what="a download was never finished",
                          evidence=(f"`{part}`: {format_size(part.stat().st_size)}, {age / 86400:.0f} days old",),
                          why="it takes space; the next download of the same file would go on from there",
                          fix=f"rm '{part}'", repairable=True, paths=(str(part),))


def clock(home: HomePaths, now: float) -> Iterator[Finding]:
    """A clock that went back: files of the home are from the future."""
    ahead = [(path, path.stat().st_mtime - now) for path in sorted(home.home.glob("*/ha.*.log")) if path.is_file()]
    worst = max(ahead, key=lambda each: each[1], default=None)
    if worst and worst[1] > _AHEAD:
        yield Finding(id="clock-behind", severity=Severity.WARNING, subject="host",
                      what="the clock of this computer is behind", evidence=(
                          f"`{worst[0]}` was written {worst[1] / 3600:.0f} h in the future",),
                      why="certificates look invalid, and events of guests are taken for old ones",
                      fix="set the clock: sudo timedatectl set-ntp true")
