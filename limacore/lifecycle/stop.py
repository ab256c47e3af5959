"""End an instance: by its host agent in order, or by force with whatever is provably its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

from limacore import hostlink
from limacore.base.proc import ended
from limacore.errors import StateError
from limacore.lifecycle.guard import existing
from limacore.model.instance import Instance, Status
from limacore.model.job import Progress
from limacore.paths import HomePaths, InstancePaths
from limacore.store import disks
from limacore.store.evidence import process_fact
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
    await _kill(paths, paths.driver_pid(vm_type), "driver", report)
    await _kill(paths, paths.ha_pid, "host agent", report)
    await asyncio.to_thread(disks.unlock_all, home, paths.dir)
    for entry in sorted(paths.dir.iterdir()):
        if entry.name.endswith((".pid", ".sock", ".tmp")):
            entry.unlink(missing_ok=True)


async def _kill(paths: InstancePaths, pid_file: Path, what: str, report: Report) -> None:
    """A pid file may name a stranger after a reboot: only a process whose command line names the instance is killed."""
    pid = process_fact(pid_file, paths.dir).pid
    if not pid:
        return
    report(Progress("stop", f"killing the {what} process {pid}"))
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    await ended(pid)
