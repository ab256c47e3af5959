"""End an instance: by its host agent in order, or by force with whatever is provably its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable

from limacore import hostlink
from limacore.base.proc import ended, identity
from limacore.errors import StateError
from limacore.lifecycle.guard import existing
from limacore.model.instance import Instance, Status
from limacore.model.job import Progress
from limacore.paths import HomePaths, InstancePaths
from limacore.store import disks
from limacore.store.scan import inspect

Report = Callable[[Progress], None]
GRACE = 190.0
"""Seconds that a host agent may take: the guest has three minutes, then QEMU is killed."""


async def stop(home: HomePaths, name: str, *, force: bool = False, timeout: float = GRACE, report: Report) -> None:
    """Stop instance `name` and wait until nothing of it runs; raises StateError when it cannot be stopped."""
    paths = existing(home, name)
    if force:
        await force_stop(paths, home, report)
        return
    instance = inspect(home, name)
    _require_running(instance)
    report(Progress("stop", f"asking the host agent (pid {instance.ha_pid}) to shut the guest down"))
    await _interrupt_and_wait(instance, paths, timeout)
    after = inspect(home, name)
    if after.status is not Status.STOPPED:
        raise StateError(f"the host agent of `{name}` ended but the status is `{after.status}`",
                         detail="; ".join(after.evidence), hint=f"limatui stop -f {name}")


def _require_running(instance: Instance) -> None:
    if instance.status in (Status.RUNNING, Status.STARTING, Status.STOPPING, Status.PAUSED):
        return
    raise StateError(f"expected status `Running`, got `{instance.status}`",
                     hint=f"maybe use `limatui stop -f {instance.name}`"
                     if instance.status is not Status.STOPPED else "it does not run")


async def _interrupt_and_wait(instance: Instance, paths: InstancePaths, timeout: float) -> None:
    hostlink.interrupt(paths)
    try:
        async with asyncio.timeout(timeout):
            await ended(instance.ha_pid)
    except TimeoutError:
        raise StateError(f"instance `{instance.name}` did not stop within {timeout:.0f} s",
                         hint=f"limatui stop -f {instance.name}") from None


async def force_stop(paths: InstancePaths, home: HomePaths, report: Report) -> None:
    """Kill the VM and the host agent when they are this instance's, release its disks, remove pid files and sockets."""
    vm_type = inspect(home, paths.name).vm_type or "qemu"
    await _kill(paths, _pid(paths, f"{vm_type}.pid"), "driver", report)
    await _kill(paths, _pid(paths, "ha.pid"), "host agent", report)
    await asyncio.to_thread(disks.unlock_all, home, paths.dir)
    for entry in sorted(paths.dir.iterdir()):
        if entry.name.endswith((".pid", ".sock", ".tmp")):
            entry.unlink(missing_ok=True)


def _pid(paths: InstancePaths, name: str) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int((paths.dir / name).read_text().strip())
    return 0


async def _kill(paths: InstancePaths, pid: int, what: str, report: Report) -> None:
    """A pid file may name a stranger after a reboot: only a process whose command line names the instance is killed."""
    process = identity(pid) if pid > 1 else None
    if process is None or not _is_ours(process.argv, paths):
        return
    report(Progress("stop", f"killing the {what} process {pid}"))
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    await ended(pid)


def _is_ours(argv: tuple[str, ...], paths: InstancePaths) -> bool:
    place = str(paths.dir)
    return any(place in word for word in argv) or (paths.name in argv[1:] and "hostagent" in " ".join(argv))
