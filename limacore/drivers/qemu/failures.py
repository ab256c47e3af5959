"""What QEMU prints when it fails, said so that a person knows what to do."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from limacore.errors import DriverError

Said = re.Match[str]


class _Cause:
    def __init__(self, id: str, pattern: str, message: Callable[[Said], str], hint: Callable[[Said], str]) -> None:
        self.id = id
        self.pattern = re.compile(pattern)
        self.message = message
        self.hint = hint


def _port_message(said: Said) -> str:
    return f"the ssh port {said['port']} is already taken{owner(int(said['port']))}"


_CAUSES = (
    _Cause(
        "port-taken",
        r"Could not set up host forwarding rule '(?:tcp|udp):[^:']*:(?P<port>\d+)-",
        _port_message,
        lambda said: "end that program, or set another `ssh.localPort` in lima.yaml (0: any free port)",
    ),
    _Cause(
        "image-locked",
        r"Failed to get (?:\"|shared \")?(?:write|consistent read|resize)?[^\n]*lock(?:\nIs another process using the "
        r"image \[(?P<image>[^\]]*)\])?",
        lambda said: f"the disk image `{said['image'] or 'disk'}` is in use by another process",
        lambda said: "another QEMU or qemu-img holds it; see `limatui list`, end it with `limatui stop -f NAME`",
    ),
    _Cause(
        "already-running",
        r"[Cc]annot (?:create PID file: Cannot )?lock pid file",
        lambda said: "another QEMU of this instance is running",
        lambda said: "end it with `limatui stop -f NAME`",
    ),
    _Cause(
        "kvm-denied",
        r"Could not access KVM kernel module: (?P<why>.*)",
        lambda said: f"/dev/kvm cannot be used ({said['why']})",
        lambda said: "check the permissions of /dev/kvm",
    ),
    _Cause(
        "kvm-unusable",
        r"failed to (?:set MSR|initialize kvm|initialize KVM)[^\n]*",
        lambda said: f"KVM cannot run a guest on this computer ({said[0].strip()})",
        lambda said: "this computer's virtualization is incomplete; software emulation will be used at the next start",
    ),
    _Cause(
        "cpu-unknown",
        r"unable to find CPU model '(?P<cpu>[^']*)'",
        lambda said: f"QEMU does not know the CPU model `{said['cpu']}`",
        lambda said: "choose another `vmOpts.qemu.cpuType` in lima.yaml",
    ),
    _Cause(
        "host-memory-short",
        r"[Cc]annot set up guest memory '[^']*': (?P<why>.*)",
        lambda said: f"there is not enough memory for the machine ({said['why']})",
        lambda said: "lower `memory` in lima.yaml, or stop other machines",
    ),
    _Cause(
        "backing-missing",
        r"Could not open backing file: [^\n]*'(?P<file>[^']*)': (?P<why>.*)",
        lambda said: f"the base of the disk, `{said['file']}`, cannot be read: {said['why']}",
        lambda said: "put that file back; without it the disk is lost: `limatui factory-reset NAME` makes a new one",
    ),
    _Cause(
        "file-missing",
        r"Could not open '(?P<file>[^']*)': (?P<why>.*)",
        lambda said: f"QEMU cannot open `{said['file']}`: {said['why']}",
        lambda said: "check that the file exists and that you may read and write it",
    ),
    _Cause(
        "file-unreadable",
        r"could not (?:load|open)(?: kernel| initrd| PC BIOS| bootloader)?(?: file)? '(?P<file>[^']*)'",
        lambda said: f"QEMU cannot load `{said['file']}`",
        lambda said: "check that the file exists and is complete; deleting and creating the instance makes it anew",
    ),
    _Cause(
        "disk-damaged",
        r"Image is not in \S+ format|Unsupported qcow2 version \d+|qcow2: Image is corrupt[^\n]*"
        r"|Could not read qcow2 header|(?:L1|refcount) table [^\n]*|Image does not contain a reference count[^\n]*"
        r"|[Rr]eference count table [^\n]*|(?:[Uu]nsupported c|C)luster size[^\n]*",
        lambda said: f"the disk is damaged ({said[0].strip()})",
        lambda said: "see what is left of it: `limatui doctor NAME`; a new one: `limatui factory-reset NAME`",
    ),
    _Cause(
        "kernel-unusable",
        r"linux kernel too old[^\n]*|Error while loading elf kernel|Error loading uncompressed kernel[^\n]*"
        r"|invalid kernel header|kernel (?:file )?is too (?:big|large)",
        lambda said: f"the kernel of the image is not one for this machine ({said[0].strip()})",
        lambda said: "`images[].kernel` and `arch` in lima.yaml must belong together; fetch it anew: `limatui prune`",
    ),
    _Cause(
        "socket-path-long",
        r"path '(?P<path>[^']*)' is too long",
        lambda said: f"the socket path `{said['path']}` is too long",
        lambda said: "use a shorter instance name, or a shorter LIMA_HOME",
    ),
    _Cause(
        "qemu-incomplete",
        r"(?:invalid|unsupported) (?:accelerator|machine type):? ?(?P<what>\S+)|(?P<device>'[^']+') is not a valid "
        r"device model name",
        lambda said: f"this QEMU lacks {said['what'] or said['device']}",
        lambda said: "install a complete QEMU",
    ),
)


class Explained(Struct, frozen=True):
    """What QEMU meant: the kind, a sentence, what to do, and its own words."""

    id: str
    message: str
    hint: str
    words: str
    """The line that says it."""


def explained(text: str) -> Explained | None:
    """The first cause that a text of QEMU names; None when it names none that is known."""
    for cause in _CAUSES:
        if said := cause.pattern.search(text):
            line = text[text.rfind("\n", 0, said.start()) + 1:].partition("\n")[0]
            return Explained(cause.id, cause.message(said), cause.hint(said), line.strip())
    return None


def explain(code: int, stderr: str) -> DriverError:
    """The error for a QEMU that ended before it answered."""
    ended = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    if known := explained(stderr):
        return DriverError(f"QEMU did not start: {known.message}", detail=_last_lines(stderr), hint=known.hint)
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
