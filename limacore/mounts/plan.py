"""How a mount is made and looked at: command lines and scripts for host and guest, and what they tell. No effects."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from limacore.model.config import Mount
from limacore.model.mount import tag

OPENSSH = "openssh-sftp-server"
"""The `sftpDriver` that runs OpenSSH's server, which is not confined to the directory."""

SHOWN_TIME = 30
"""Seconds until a mount must be in the guest's mount table."""

_SFTP_SERVERS = ("/usr/libexec/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/sftp-server",
                 "/usr/lib/openssh/sftp-server", "/usr/lib/ssh/sftp-server")
_FUSE = ("fuse.sshfs", "osxfuse", "macfuse")
_OCTAL = re.compile(r"\\([0-7]{3})")


class Entry(Struct, frozen=True):
    """One line of a mount table."""

    source: str
    mount_point: str
    type: str
    options: tuple[str, ...]


def server(mount: Mount) -> list[str]:
    """The SFTP server for a mount; raises FileNotFoundError when the one that was asked for is not installed.

    Ours is also the default: OpenSSH's lets a guest read whatever its user may."""
    if mount.sshfs.sftp_driver == OPENSSH:
        flags = [] if mount.writable else ["-R"]
        return [openssh_server(), "-e", "-d", mount.location.replace("%", "%%"), *flags]
    flags = [] if mount.writable else ["--read-only"]
    return [sys.executable, "-P", "-m", "limacore.mounts.sftp", mount.location, *flags]


def openssh_server() -> str:
    """OpenSSH's SFTP server; raises FileNotFoundError."""
    found = shutil.which("sftp-server") or next((path for path in _SFTP_SERVERS if os.access(path, os.X_OK)), None)
    if not found:
        raise FileNotFoundError("`sftp-server` of OpenSSH is not installed")
    return found


def sshfs(mount: Mount, more: str = "") -> str:
    """The command in the guest whose input and output are the SFTP stream; `more` is a further option."""
    flags = ["slave", *(() if mount.writable else ("ro",))]
    tail = ["allow_other", *(() if mount.sshfs.cache else ("cache=no",)),
            *(("follow_symlinks",) if mount.sshfs.follow_symlinks else ()), *((more,) if more else ())]
    words = ["sshfs", f":{mount.location}", mount.mount_point]
    options = " ".join(f"-o {each}" for each in (*flags, ",".join(tail)))
    return f"{' '.join(shlex.quote(word) for word in words)} {options}"


def prepare(mounts: Iterable[Mount]) -> str:
    """A shell script that makes the mount points, and takes away what an earlier connection left on them.

    It prints the number of each that cannot be made, and why, for `unprepared`."""
    return "".join(_PREPARE.format(point=shlex.quote(mount.mount_point), listed=shlex.quote(escaped(mount.mount_point)),
                                   number=number) for number, mount in enumerate(mounts))


_PREPARE = """\
while read -r _ point type _; do
    case $type in fuse.sshfs | osxfuse | macfuse) ;; *) continue ;; esac
    [ "$point" != {listed} ] || fusermount3 -uz {point} 2>/dev/null || fusermount -uz {point} 2>/dev/null ||
        sudo -n umount -l {point} 2>/dev/null
done </proc/mounts
mkdir -p {point} 2>/dev/null || reason=$(sudo -n install -d -o "$(id -u)" {point} 2>&1) || echo {number} "$reason"
"""


def remount(mount: Mount, kind: str, options: str) -> str:
    """A shell script that mounts a 9p or virtiofs directory anew; its exit code is that of mount."""
    point = shlex.quote(mount.mount_point)
    words = " ".join(("mount -t", kind, "-o", shlex.quote(options), tag(mount), point))
    return f"sudo -n umount -l {point} 2>/dev/null\nsudo -n mkdir -p {point} 2>/dev/null\nsudo -n {words}\n"


def unprepared(printed: str, mounts: Iterable[Mount]) -> dict[Mount, str]:
    """Which mount points cannot be made, and why."""
    rows = dict(line.split(" ", 1) for line in printed.splitlines() if " " in line)
    return {mount: rows[str(number)][:300] for number, mount in enumerate(mounts) if str(number) in rows}


def shown(mounts: Iterable[Mount], seconds: int = SHOWN_TIME) -> str:
    """A shell script that waits until every mount point is in the mount table, and prints the table then or after all.

    The shell reads the table itself: each program that it started would cost an emulated guest more than a look."""
    wanted = "\n".join(f"    has {shlex.quote(escaped(mount.mount_point))} || return 1" for mount in mounts)
    return _SHOWN.format(wanted=wanted, tries=seconds * 10)


_SHOWN = """\
has() {{
    while read -r _ point type _; do
        case $type in fuse.sshfs | osxfuse | macfuse | 9p | virtiofs) ;; *) continue ;; esac
        [ "$point" != "$1" ] || return 0
    done </proc/mounts
    return 1
}}
all() {{
{wanted}
    return 0
}}
tries=0
until all || [ "$tries" -ge {tries} ]; do
    tries=$((tries + 1))
    sleep 0.1
done
cat /proc/mounts
"""


def escaped(text: str) -> str:
    """A path as the kernel writes it in a mount table."""
    return "".join(f"\\{ord(each):03o}" if each in " \t\n\\#" else each for each in text)


def table(text: str) -> tuple[Entry, ...]:
    """The lines of a mount table; what is none is passed over."""
    rows = (line.split(" ") for line in text.splitlines())
    return tuple(Entry(_plain(row[0]), _plain(row[1]), row[2], tuple(row[3].split(",")))
                 for row in rows if len(row) >= 4)


def _plain(text: str) -> str:
    return _OCTAL.sub(lambda found: chr(int(found.group(1), 8)), text)


def find(entries: Iterable[Entry], mount: Mount, kind: str) -> Entry | None:
    """What is mounted for `mount`; a later line lies over an earlier one."""
    types = _FUSE if kind == "reverse-sshfs" else (kind,)
    found = [each for each in entries if each.mount_point == mount.mount_point and each.type in types]
    return found[-1] if found else None


def waves(mounts: Iterable[Mount]) -> Iterator[tuple[Mount, ...]]:
    """Mounts that can be made side by side; one inside another comes after it, in the order of the list."""
    wave: list[Mount] = []
    for mount in mounts:
        if any(_nested(mount, other) for other in wave):
            yield tuple(wave)
            wave = []
        wave.append(mount)
    if wave:
        yield tuple(wave)


def _nested(one: Mount, other: Mount) -> bool:
    first, second = Path(one.mount_point), Path(other.mount_point)
    return first.is_relative_to(second) or second.is_relative_to(first)
