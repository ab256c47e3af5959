"""Why the last start did not get through, as far as logs tell: the agent's last words, and clear signs on the console.

The rules come from what users met in practice; each needs only the line that it quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from limacore import hostlink
from limacore.base import notice
from limacore.model.finding import Finding, Severity
from limacore.model.instance import Instance
from limacore.paths import InstancePaths

_TAIL = 128 << 10
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


class Sign(Struct, frozen=True):
    """A pattern on the console, what it means, what to do."""

    id: str
    pattern: str
    what: str
    fix: str


SIGNS = (
    Sign("boot-grub", r"^grub(?: rescue)?> *$", "the boot loader found nothing to boot",
         "the image is probably damaged: {program} factory-reset {name}, after `{program} prune`"),
    Sign("boot-no-device", r"No bootable device|BdsDxe: failed to (?:load|start) Boot", "the firmware found no disk to "
         "boot from", "the image may be for another firmware: try `firmware.legacyBIOS: true`, or false, in lima.yaml"),
    Sign("boot-uefi-shell", r"^Shell> *$|UEFI Interactive Shell", "the firmware ended in its own shell",
         "the image has no boot loader for UEFI: try `firmware.legacyBIOS: true` in lima.yaml"),
    Sign("boot-panic", r"Kernel panic - not syncing: .*", "the guest's kernel gave up",
         "see the lines before it; a kernel and a root file system that do not belong together do this"),
    Sign("boot-root-missing", r"(?:ALERT! +\S+ does not exist|Unable to find root device|can't find root).*",
         "the guest did not find its root file system", "see `kernel.cmdline` and the image in lima.yaml"),
    Sign("boot-emergency", r"You are in emergency mode.*|Entering emergency mode.*", "the guest is in emergency mode",
         "look at it: key c in the dashboard; a mount of /etc/fstab has often failed"),
    Sign("guest-disk-full", r"No space left on device.*", "the guest's disk is full",
         "make it larger: {program} edit --disk=SIZE {name}, then start it"),
    Sign("guest-disk-errors", r"(?:blk_update_request: )?I/O error, dev (?:vd|sd|nvme)\S*.*",
         "the guest cannot use its disk", "see whether the disk of the host is full; then: {program} doctor {name}"),
    Sign("guest-out-of-memory", r"Out of memory: Killed process .*", "the guest ran out of memory",
         "give it more: {program} edit --memory=GIB {name}"),
)


def last_start(paths: InstancePaths, instance: Instance) -> Iterator[Finding]:
    """What the logs tell of a start that failed, and of a guest that is in need now."""
    failed = not instance.status.is_up and paths.ha_stdout.exists() and not _was_ready(paths)
    if failed:
        yield from _last_words(paths)
    yield from (each for each in signs(paths) if failed or each.id.startswith("guest-"))


def _was_ready(paths: InstancePaths) -> bool:
    try:
        return b'"running":true' in paths.ha_stdout.read_bytes()[-_TAIL:]
    except OSError:
        return True


def _last_words(paths: InstancePaths) -> Iterator[Finding]:
    lines = [hostlink.parse_log(raw) for raw in _tail(paths.ha_stderr).splitlines() if raw]
    fatal = [line for line in lines if line.level in ("fatal", "panic")]
    if fatal:
        yield Finding(id="last-start-failed", severity=Severity.WARNING, subject=f"instance {paths.name}",
                      what="its last start failed",
                      evidence=(": ".join(part for part in (fatal[-1].message, str(fatal[-1].extra.get("error", "")))
                                          if part), f"`{paths.ha_stderr}`"),
                      fix=str(fatal[-1].extra.get("hint", "")))


def signs(paths: InstancePaths) -> Iterator[Finding]:
    """What the console of the last boot shows: the last of each kind of sign."""
    for kind in ("serial", "serialp", "serialv"):
        log = paths.serial(kind, "log")
        lines = [_CONTROL.sub("", line.decode(errors="replace")) for line in _tail(log).splitlines()]
        for sign in SIGNS:
            seen = [line for line in lines if re.search(sign.pattern, line)]
            if seen:
                yield Finding(id=sign.id, severity=Severity.WARNING, subject=f"instance {paths.name}", what=sign.what,
                              evidence=(seen[-1].strip()[:200], f"`{log}`"),
                              fix=sign.fix.format(name=paths.name, program=notice.program()))


def _tail(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            return file.read(_TAIL)
    except OSError:
        return b""
