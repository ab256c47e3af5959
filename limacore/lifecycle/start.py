"""Start an instance: prepare its files, launch the host agent, follow it until the guest is ready."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from limacore import hostlink
from limacore.base.proc import ended
from limacore.config.load import load
from limacore.errors import ConfigError, GuestError, StateError
from limacore.images import prepare
from limacore.lifecycle.guard import existing, held
from limacore.model.event import Event, EventStatus
from limacore.model.instance import Instance, Status
from limacore.model.job import Progress
from limacore.paths import HomePaths, InstancePaths
from limacore.store.scan import inspect

Report = Callable[[Progress], None]
OnEvent = Callable[[Event], None]
OnLog = Callable[[str, str], None]
DEFAULT_TIMEOUT = 600.0
"""Seconds to wait for `running`, as in Lima."""


async def start(
    home: HomePaths,
    name: str,
    *,
    report: Report,
    timeout: float = DEFAULT_TIMEOUT,
    on_event: OnEvent = lambda event: None,
    on_log: OnLog = lambda level, message: None,
) -> Instance:
    """Start instance `name` and return it running; an instance that runs already is returned as it is.

    Raises StateError (already starting, orphaned, broken), ImageError, HostError, GuestError. When cancelled, what was
    started is ended again.
    """
    paths = existing(home, name)
    since = time.time()
    with held(paths):
        instance = inspect(home, name)
        if instance.status is Status.RUNNING:
            return instance
        _require_startable(instance)
        await _prepare(paths, home, report)
        _remove_stale(paths)
        pid = hostlink.spawn(paths)
        try:
            await hostlink.wait_owned(paths, pid)
        except BaseException:
            await _undo(paths, pid)
            raise
    await _wait_ready(paths, pid, since, timeout, on_event, on_log)
    return inspect(home, name)


def _require_startable(instance: Instance) -> None:
    if instance.status is Status.STARTING:
        raise StateError(f"instance `{instance.name}` is already starting (host agent pid {instance.ha_pid})",
                         hint=f"watch it in the dashboard, or stop it: limatui stop {instance.name}")
    if instance.status is not Status.STOPPED and (instance.ha_pid or instance.driver_pid):
        raise StateError(f"expected status `Stopped`, got `{instance.status}`", detail="; ".join(instance.evidence),
                         hint=f"end what is left of it first: limatui stop -f {instance.name}")
    if instance.errors:
        raise ConfigError(f"errors inspecting instance `{instance.name}`", detail="\n".join(instance.errors))


async def _prepare(paths: InstancePaths, home: HomePaths, report: Report) -> None:
    loaded = await asyncio.to_thread(load, paths.lima_yaml, home, exists=True)
    await prepare.prepare(paths, loaded.require(str(paths.lima_yaml)), report)


def _remove_stale(paths: InstancePaths) -> None:
    """The instance is stopped by evidence, so pid files and sockets that are still there belong to the dead."""
    for entry in paths.dir.iterdir():
        if entry.name.endswith((".pid", ".sock", ".tmp")):
            entry.unlink(missing_ok=True)


async def _wait_ready(
    paths: InstancePaths, pid: int, since: float, timeout: float, on_event: OnEvent, on_log: OnLog
) -> None:
    try:
        async with asyncio.timeout(timeout):
            await _follow(paths, pid, since, on_event, on_log)
    except TimeoutError:
        raise GuestError(f"instance `{paths.name}` was not ready within {timeout:.0f} s; it was left running",
                         hint=f"its console may tell why: {paths.serial_log}") from None
    except asyncio.CancelledError:
        await _undo(paths, pid)
        raise


async def _follow(paths: InstancePaths, pid: int, since: float, on_event: OnEvent, on_log: OnLog) -> None:
    async for line in hostlink.follow(paths, pid, since):
        if not isinstance(line, Event):
            on_log(line.level or "info", line.message)
            continue
        on_event(line)
        if _is_ready(line.status, paths):
            return


def _is_ready(status: EventStatus, paths: InstancePaths) -> bool:
    if status.exiting:
        raise GuestError(f"instance `{paths.name}` ended while starting", detail="; ".join(status.errors),
                         hint=f"see {paths.ha_stderr} and {paths.serial_log}")
    if status.running and status.degraded:
        raise GuestError(f"instance `{paths.name}` runs, but not all of it works", detail="; ".join(status.errors),
                         hint=f"see {paths.ha_stderr}")
    return status.running


async def _undo(paths: InstancePaths, pid: int) -> None:
    """End the agent at once: the first signal asks, the second insists.

    Not by `asyncio.timeout`: in a cancelled task of Python 3.11.2 it raises CancelledError, not TimeoutError.
    """
    end = asyncio.ensure_future(ended(pid))
    for seconds in (1.0, 10.0):
        hostlink.interrupt(paths, pid)
        if (await asyncio.wait({end}, timeout=seconds))[0]:
            return
    end.cancel()
