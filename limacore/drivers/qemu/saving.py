"""A machine's memory in its own disk: whether that is possible, writing it, and forgetting it. Over a monitor."""

from __future__ import annotations

import re
from typing import Any

from limacore.base.goquote import quoted
from limacore.drivers.qemu.qmp import TIMEOUT, Monitor
from limacore.errors import DriverError

LIMIT = 900.0
"""Seconds that QEMU may take to write or to read the memory of a machine."""

_BLOCKED_BY_MOUNT = re.compile(r"VirtFS export path '(?P<path>[^']*)'")
_TO_GUEST_SSH = re.compile(r"TCP\[(?!HOST_FORWARD|CLOSED)\w+\].* 22 +\d+ +\d+ *$", re.MULTILINE)


async def obstacles(monitor: Monitor) -> tuple[str, ...]:
    """Why the memory of this machine cannot be kept; nothing when it can. Raises DriverError."""
    blocked = (await monitor.ask("query-migrate")).get("blocked-reasons", [])
    drives = await monitor.ask("query-block")
    return (*(_reason(str(each)) for each in blocked), *(each for drive in drives if (each := _unfit(drive))))


def _reason(said: str) -> str:
    found = _BLOCKED_BY_MOUNT.search(said)
    if found:
        return f"the guest has `{found['path']}` mounted by 9p: unmount it in the guest first"
    if "vhost-user-fs" in said:
        return "a virtiofs mount keeps its state in another program: use `mountType: reverse-sshfs`"
    return said


def _unfit(drive: dict[str, Any]) -> str:
    image = drive.get("inserted")
    if not image or image["ro"] or image["drv"] == "qcow2":
        return ""
    return f"the disk `{image['file']}` is {image['drv']}, which holds no snapshots: it must be qcow2"


async def save(monitor: Monitor, tag: str) -> None:
    """Write memory and devices of a halted machine into its disk; raises DriverError."""
    await _human(monitor, f"savevm {quoted(tag)}")


async def forget(monitor: Monitor, tag: str) -> None:
    """Give the room back that `save` took; raises DriverError."""
    await _human(monitor, f"delvm {quoted(tag)}")


async def is_ssh_idle(monitor: Monitor) -> bool:
    """Whether the built-in network has no connection to the guest's ssh server any more; raises DriverError."""
    said = await monitor.ask("human-monitor-command", within=TIMEOUT, **{"command-line": "info usernet"})
    return not _TO_GUEST_SSH.search(str(said).replace("\r", ""))


async def _human(monitor: Monitor, line: str) -> None:
    """The monitor for people has no error codes: it prints only when something went wrong."""
    said = await monitor.ask("human-monitor-command", within=LIMIT, **{"command-line": line})
    if str(said).strip():
        raise DriverError(f"QEMU refused `{line}`", detail=str(said).strip().removeprefix("Error: "))
