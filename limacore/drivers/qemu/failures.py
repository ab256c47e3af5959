"""What QEMU prints when it fails, said so that a person knows what to do."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from limacore.errors import DriverError

Said = re.Match[str]


class _Cause:
    def __init__(self, pattern: str, message: Callable[[Said], str], hint: Callable[[Said], str]) -> None:
        self.pattern = re.compile(pattern)
        self.message = message
        self.hint = hint


def _port_message(said: Said) -> str:
    return f"the ssh port {said['port']} is already taken{owner(int(said['port']))}"


_CAUSES = (
    _Cause(
        r"Could not set up host forwarding rule '(?:tcp|udp):[^:']*:(?P<port>\d+)-",
        _port_message,
        lambda said: "end that program, or set another `ssh.localPort` in lima.yaml (0: any free port)",
    ),
    _Cause(
        r"Failed to get (?:\"|shared \")?(?:write|consistent read|resize)?[^\n]*lock(?:\nIs another process using the "
        r"image \[(?P<image>[^\]]*)\])?",
        lambda said: f"the disk image `{said['image'] or 'disk'}` is in use by another process",
        lambda said: "another QEMU or qemu-img holds it; see `limatui list`, end it with `limatui stop -f NAME`",
    ),
    _Cause(
        r"[Cc]annot (?:create PID file: Cannot )?lock pid file",
        lambda said: "another QEMU of this instance is running",
        lambda said: "end it with `limatui stop -f NAME`",
    ),
    _Cause(
        r"Could not access KVM kernel module: (?P<why>.*)",
        lambda said: f"/dev/kvm cannot be used ({said['why']})",
        lambda said: "check the permissions of /dev/kvm",
    ),
    _Cause(
        r"failed to (?:set MSR|initialize kvm|initialize KVM)[^\n]*",
        lambda said: f"KVM cannot run a guest on this computer ({said[0].strip()})",
        lambda said: "this computer's virtualization is incomplete; software emulation will be used at the next start",
    ),
    _Cause(
        r"unable to find CPU model '(?P<cpu>[^']*)'",
        lambda said: f"QEMU does not know the CPU model `{said['cpu']}`",
        lambda said: "choose another `vmOpts.qemu.cpuType` in lima.yaml",
    ),
    _Cause(
        r"[Cc]annot set up guest memory '[^']*': (?P<why>.*)",
        lambda said: f"there is not enough memory for the machine ({said['why']})",
        lambda said: "lower `memory` in lima.yaml, or stop other machines",
    ),
    _Cause(
        r"Could not open '(?P<file>[^']*)': (?P<why>.*)",
        lambda said: f"QEMU cannot open `{said['file']}`: {said['why']}",
        lambda said: "check that the file exists and that you may read and write it",
    ),
    _Cause(
        r"could not (?:load|open)(?: kernel| initrd| PC BIOS| bootloader)?(?: file)? '(?P<file>[^']*)'",
        lambda said: f"QEMU cannot load `{said['file']}`",
        lambda said: "check that the file exists and is complete; deleting and creating the instance makes it anew",
    ),
    _Cause(
        r"Image is not in (?P<format>\S+) format",
        lambda said: f"the disk is damaged: it is not in {said['format']} format",
        lambda said: "check it with `qemu-img check`",
    ),
    _Cause(
        r"path '(?P<path>[^']*)' is too long",
        lambda said: f"the socket path `{said['path']}` is too long",
        lambda said: "use a shorter instance name, or a shorter LIMA_HOME",
    ),
    _Cause(
        r"(?:invalid|unsupported) (?:accelerator|machine type):? ?(?P<what>\S+)|(?P<device>'[^']+') is not a valid "
        r"device model name",
        lambda said: f"this QEMU lacks {said['what'] or said['device']}",
        lambda said: "install a complete QEMU",
    ),
)


def explain(code: int, stderr: str) -> DriverError:
    """The error for a QEMU that ended before it answered."""
    ended = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    for cause in _CAUSES:
        said = cause.pattern.search(stderr)
        if said:
            return DriverError(f"QEMU did not start: {cause.message(said)}", detail=_last_lines(stderr),
                               hint=cause.hint(said))
    return DriverError(f"QEMU did not start ({ended})", detail=_last_lines(stderr) or "it printed nothing",
                       hint="see ha.stderr.log in the instance directory")


def _last_lines(stderr: str, count: int = 5) -> str:
    told = [line for line in stderr.splitlines() if line.strip() and ": warning: " not in line]
    return "\n".join(told[-count:])


def owner(port: int) -> str:
    """` by NAME (pid N)` when it can be seen who listens on 127.0.0.1:`port`."""
    for pid in _listeners(port):
        try:
            return f" by `{Path(f'/proc/{pid}/comm').read_text().strip()}` (pid {pid})"
        except OSError:
            return f" by pid {pid}"
    return ""


def _listeners(port: int) -> list[int]:
    import psutil

    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return []
    return [each.pid for each in connections
            if each.pid and each.pid != os.getpid() and each.status == "LISTEN" and each.laddr[1:] == (port,)]
