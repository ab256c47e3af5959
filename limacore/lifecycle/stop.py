"""End an instance: by its host agent in order, or by force with whatever is provably its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from limacore import hostlink
from limacore.base import notice
from limacore.base.files import remove_tree
from limacore.base.goquote import ticked
from limacore.base.proc import ended
from limacore.errors import StateError
from limacore.hostlink import LogLine
from limacore.lifecycle import autostart, many
from limacore.lifecycle.guard import configured, held, word
from limacore.lifecycle.reconcile import reconcile
from limacore.lifecycle.relay import relay
from limacore.lifecycle.suspended import drop_state, refuse_suspended
from limacore.model.instance import Instance, Status
from limacore.model.job import Progress
from limacore.paths import PASSING, HomePaths, InstancePaths
from limacore.store import disklocks, disks
from limacore.store.evidence import process_fact
from limacore.store.scan import inspect

Report = Callable[[Progress], None]
GRACE = 190.0
"""Seconds that a host agent may take: the guest has three minutes, then QEMU is killed."""


async def stop_all(
    home: HomePaths, names: Sequence[str], *, force: bool = False, timeout: float = GRACE, report: Report
) -> None:
    """Stop several at once; those that cannot be stopped are told together at the end."""
    many.require_none(await many.each(
        names, lambda name: stop(home, name, force=force, timeout=timeout, report=report)))
    await asyncio.to_thread(reconcile, home)


async def stop(home: HomePaths, name: str, *, force: bool = False, timeout: float = GRACE, report: Report) -> None:
    """Stop instance `name` and wait until nothing of it runs; raises StateError when it cannot be stopped."""
    paths = configured(home, name)
    if force:
        with held(paths):
            await force_stop(paths, home, report)
        return
    since = time.time()
    with held(paths):
        instance = inspect(home, name)
        _require_running(instance)
        await _ask(home, instance, report)
    # The lock is free while the guest shuts down, so that a forced stop can end the waiting.
    await _wait(instance, paths, since, timeout, report)
    after = inspect(home, name)
    if after.status is not Status.STOPPED:
        raise StateError(f"the host agent of {ticked(name)} ended but the status is `{after.status}`",
                         detail="; ".join(after.evidence), hint=f"{notice.program()} stop -f {name}")
    notice.info(f"The instance {name} has shut down")


def _require_running(instance: Instance) -> None:
    if instance.status.limactl_word == "Running":
        return
    refuse_suspended(instance, "stop")
    raise StateError(f"expected status `Running`, got `{word(instance)}` (maybe use `{notice.program()} stop -f`?)",
                     hint="; ".join(instance.evidence))


async def _ask(home: HomePaths, instance: Instance, report: Report) -> None:
    if instance.status is Status.STOPPING:
        return  # asked twice, a host agent ends the machine at once
    report(Progress("stop", f"asking the host agent (pid {instance.ha_pid}) to shut the guest down"))
    paths = home.instance(instance.name)
    entry = autostart.owner(home, instance.name, await _started_by(paths))
    if entry is not None:
        notice.info(f"Asking the service manager to stop {entry.label}")
        await asyncio.to_thread(autostart.request_stop, entry)
        return
    notice.info(f"Sending SIGINT to hostagent process {instance.ha_pid}")
    hostlink.interrupt(paths)


async def _started_by(paths: InstancePaths) -> str:
    try:
        return (await hostlink.info(paths)).auto_started_identifier
    except StateError:
        return ""


async def _wait(instance: Instance, paths: InstancePaths, since: float, timeout: float, report: Report) -> None:
    notice.info("Waiting for the host agent and the driver processes to shut down")
    try:
        async with asyncio.timeout(timeout):
            await _hear_to_the_end(instance, paths, since, report)
            notice.info("Waiting for the instance to shut down")
            await ended(instance.driver_pid)
    except TimeoutError:
        raise StateError("did not receive an event with the `exiting` status",
                         hint=f"it did not stop within {timeout:.0f} s; end it by force: "
                              f"{notice.program()} stop -f {instance.name}") from None


async def _hear_to_the_end(instance: Instance, paths: InstancePaths, since: float, report: Report) -> None:
    try:
        async for line in hostlink.follow(paths, instance.ha_pid, since):
            if isinstance(line, LogLine):
                relay(line)
            elif line.status.step and line.status.step.name == "stop":
                report(Progress("stop", line.status.step.detail))
    except StateError:
        pass  # it ended without a word, which the status tells better


async def force_stop(paths: InstancePaths, home: HomePaths, report: Report) -> Instance:
    """Kill the VM and the host agent when they are this instance's, release its disks, remove pid files and sockets.

    Returns the instance as it was before."""
    instance = inspect(home, paths.name) if paths.dir.is_dir() else Instance(paths.name, str(paths.dir))
    driver_pid = paths.driver_pid(instance.vm_type or "qemu")
    _forget_dead(paths, driver_pid)
    await drop_state(instance, paths, home)
    await _kill(paths, driver_pid, f"{instance.vm_type} driver", report)
    await asyncio.to_thread(_release_disks, instance, paths, home)
    await _kill(paths, paths.ha_pid, "host agent", report)
    await asyncio.to_thread(_sweep, paths)
    return instance


async def _kill(paths: InstancePaths, pid_file: Path, what: str, report: Report) -> None:
    """A pid file may name a stranger after a reboot: only a process whose command line names the instance is killed."""
    pid = process_fact(pid_file, paths.dir).pid
    if not pid:
        notice.info(f"The {what} process seems already stopped")
        return
    report(Progress("stop", f"killing the {what} process {pid}"))
    notice.info(f"Sending SIGKILL to the {what} process {pid}")
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    await ended(pid)


def _release_disks(instance: Instance, paths: InstancePaths, home: HomePaths) -> None:
    """Only disks that this instance holds: another one may run on those that are merely listed."""
    for disk in instance.config.additional_disks if instance.config else ():
        if not disks.exists(home, disk.name):
            notice.warning(f"Disk {ticked(disk.name)} does not exist")
    disklocks.unlock_all(home, paths.dir)


def _forget_dead(paths: InstancePaths, driver_pid: Path) -> None:
    """Pid files of the dead go without a word, as whenever limactl looks at them."""
    for path in (driver_pid, paths.ha_pid):
        fact = process_fact(path, paths.dir)
        if fact.named and not fact.pid and not fact.stranger:
            path.unlink(missing_ok=True)


def _sweep(paths: InstancePaths) -> None:
    notice.info(f"Removing *.pid *.sock *.tmp under {ticked(str(paths.dir))}")
    try:
        found = sorted(entry for entry in paths.dir.iterdir() if entry.name.endswith(PASSING))
    except OSError as error:
        notice.error(f"open {paths.dir}: {(error.strerror or str(error)).lower()}")
        return
    for entry in found:
        notice.info(f"Removing {ticked(str(entry))}")
        remove_tree(entry)
