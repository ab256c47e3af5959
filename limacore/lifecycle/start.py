"""Start an instance: prepare its files, launch the host agent, follow it until the guest is ready."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NoReturn

from msgspec import Struct

from limacore import ansible, hostlink
from limacore.base import notice
from limacore.base.goquote import ticked
from limacore.base.jsonlines import QUICK
from limacore.base.log import rfc3339_nano
from limacore.base.proc import ended
from limacore.config.load import load
from limacore.drivers import catalog
from limacore.errors import ConfigError, GuestError, StateError
from limacore.hostlink import LogLine
from limacore.images import prepare
from limacore.lifecycle import autostart, cause, queue
from limacore.lifecycle.guard import configured, held, word
from limacore.lifecycle.reconcile import joined, joining
from limacore.lifecycle.relay import relay
from limacore.model.config import Config
from limacore.model.event import Event, EventStatus, MachineEvent, ScriptEvent, StepEvent
from limacore.model.instance import Instance, Status
from limacore.model.job import Progress
from limacore.paths import PASSING, HomePaths, InstancePaths
from limacore.store import suspension
from limacore.store.evidence import process_fact
from limacore.store.scan import inspect

Report = Callable[[Progress], None]
OnEvent = Callable[[Event], None]
OnLog = Callable[[LogLine], None]
DEFAULT_TIMEOUT = 600.0
"""Seconds to wait for `running`, as in Lima."""
_LAST_WORDS = 5.0
"""Seconds that a host agent may take to end after it said so: what it failed of is its last line."""
_MANAGER_TIME = 60.0
"""Seconds that a service manager may take until there is a host agent."""


async def start(
    home: HomePaths,
    name: str,
    *,
    report: Report,
    timeout: float = DEFAULT_TIMEOUT,
    strict: bool = False,
    inherit: bool = False,
    progress: bool = False,
    on_event: OnEvent = lambda event: None,
    on_log: OnLog = relay,
) -> Instance:
    """Start instance `name` and return it running; an instance that runs already is returned as it is.

    Raises StateError (already starting, orphaned, broken), DriverError (none for it here), ImageError, HostError,
    GuestError; with `strict` also for a script of the guest that failed. When cancelled, what was started is ended
    again. With `inherit` playbooks print to our own stdout, else what they print becomes notices; with `progress`
    events tell of cloud-init, whose end is waited for.
    """
    paths = configured(home, name)
    since = time.time()
    launched = await _launch(home, paths, report, progress)
    if launched is not None:
        config, pid = launched
        failed = await _wait_ready(paths, pid, since, timeout, _Telling(on_event, on_log, progress))
        await ansible.run_playbooks(paths, config, inherit=inherit, told=lambda script: on_event(_of_playbook(script)))
        if strict and failed:
            raise GuestError(f"scripts of instance {ticked(name)} failed: {', '.join(failed)}",
                             hint=f"the instance runs; see {paths.console_log(config.vm_type)}")
    return inspect(home, name)


async def foreground(home: HomePaths, name: str, *, report: Report) -> NoReturn:
    """Become the host agent of `name`, as a service manager wants it; its output goes to its log files."""
    paths = configured(home, name)
    with held(paths):
        _require_startable(inspect(home, name))
        config, extra = await _prepare(paths, home, report)
        _remove_stale(paths)
        with joined(home, config):
            pass
        notice.info("Running the host agent in the foreground")
        hostlink.become(paths, extra)


async def _launch(home: HomePaths, paths: InstancePaths, report: Report, progress: bool) -> tuple[Config, int] | None:
    """The configuration that is started, and the pid of the new host agent; None when it runs already."""
    with held(paths):
        instance = inspect(home, paths.name)
        if instance.status is Status.RUNNING:
            return None
        if instance.status is Status.PAUSED:
            raise StateError(f"instance `{paths.name}` is paused" + (f": {instance.phase}" if instance.phase else ""),
                             hint=f"let it go on: {notice.program()} resume {paths.name}")
        _require_startable(instance)
        config, extra = await _prepare(paths, home, report)
        _remove_stale(paths)
        if not autostart.supported() or not autostart.registered(home, paths.name):
            async with joining(home, config):
                return config, await _spawn(paths, (*extra, *(("--progress",) if progress else ())))
    # The manager starts it by `start --foreground`, which holds the instance itself.
    return config, await _have_started(home, paths)


async def _spawn(paths: InstancePaths, extra: tuple[str, ...]) -> int:
    pid = hostlink.spawn(paths, extra)
    try:
        await hostlink.wait_owned(paths, pid)
    except BaseException:
        await _undo(paths, pid)
        raise
    return pid


async def _have_started(home: HomePaths, paths: InstancePaths) -> int:
    notice.info(f"Asking the service manager to start instance {ticked(paths.name)}")
    await asyncio.to_thread(autostart.request_start, home, paths.name)
    try:
        async with asyncio.timeout(_MANAGER_TIME):
            while not (pid := process_fact(paths.ha_pid, paths.dir).pid):  # noqa: ASYNC110  a file tells nobody
                await asyncio.sleep(QUICK)
            return pid
    except TimeoutError:
        raise StateError(f"the service manager has not started instance {ticked(paths.name)}",
                         hint="see what it says: journalctl --user") from None


def _require_startable(instance: Instance) -> None:
    if instance.status is Status.STARTING:
        raise StateError(f"instance `{instance.name}` is already starting (host agent pid {instance.ha_pid})",
                         hint=f"watch it in the dashboard, or stop it: {notice.program()} stop {instance.name}")
    if instance.status is not Status.STOPPED and (instance.ha_pid or instance.driver_pid):
        raise StateError(f"expected status `Stopped`, got `{word(instance)}`", detail="; ".join(instance.evidence),
                         hint=_way_out(instance))
    if instance.errors:
        raise ConfigError(f"errors inspecting instance `{instance.name}`", detail="\n".join(instance.errors))


def _way_out(instance: Instance) -> str:
    if instance.status is Status.STOPPING:
        return "it is shutting down: wait for its end, then start it"
    return f"end what is left of it first: {notice.program()} stop -f {instance.name}"


async def _prepare(paths: InstancePaths, home: HomePaths, report: Report) -> tuple[Config, tuple[str, ...]]:
    """The configuration, and what the host agent is told of the files that it needs."""
    if not suspension.exists(paths):  # an edit waits for a boot
        await asyncio.to_thread(queue.apply, home, paths)
    loaded = await asyncio.to_thread(load, paths.lima_yaml, home, exists=True)
    config = loaded.require(str(paths.lima_yaml))
    catalog.driver(config.vm_type)  # before anything of the instance is changed
    made = await prepare.prepare(paths, config, report)
    return config, ("--nerdctl-archive", str(made.nerdctl)) if made.nerdctl else ()


def _remove_stale(paths: InstancePaths) -> None:
    """The instance is stopped by evidence, so pid files and sockets that are still there belong to the dead."""
    for entry in paths.dir.iterdir():
        if entry.name.endswith(PASSING):
            entry.unlink(missing_ok=True)


def _of_playbook(script: ScriptEvent) -> Event:
    """A playbook runs here and not in the guest: an event of ours, as the host agent tells of scripts."""
    state = "active" if script.exit_code is None else "failed" if script.exit_code else "done"
    step = StepEvent("ansible", state, script.provision, script.seconds)
    return Event(rfc3339_nano(time.time_ns()), EventStatus(running=True, script=script, step=step))


class _Telling(Struct, frozen=True):
    """Who is told of a start, and whether it goes on until cloud-init has finished."""

    on_event: OnEvent
    on_log: OnLog
    progress: bool


async def _wait_ready(
    paths: InstancePaths, pid: int, since: float, timeout: float, tell: _Telling
) -> tuple[str, ...]:
    """The scripts of the guest that failed, when it is ready."""
    try:
        async with asyncio.timeout(timeout), cause.watching(paths):
            return await _follow(paths, pid, since, tell)
    except TimeoutError:
        late = f"instance `{paths.name}` was not ready within {timeout:.0f} s; it was left running"
        raise await cause.failure(paths, late, (), up=True) from None
    except asyncio.CancelledError:
        await _undo(paths, pid)
        raise


async def _follow(paths: InstancePaths, pid: int, since: float, tell: _Telling) -> tuple[str, ...]:
    failed: list[str] = []
    ready, finished = False, not tell.progress
    async for line in hostlink.follow(paths, pid, since):
        if not isinstance(line, Event):
            tell.on_log(line)
            continue
        tell.on_event(line)
        status = line.status
        if status.script and status.script.exit_code:
            failed.append(status.script.name)
        ready = await _is_ready(status, paths, pid) or ready
        finished = finished or bool(status.cloud_init_progress and status.cloud_init_progress.completed)
        if ready and finished:
            break
    return tuple(failed)


async def _is_ready(status: EventStatus, paths: InstancePaths, pid: int) -> bool:
    if status.machine and status.machine.detail:
        await _refuse_hopeless(status.machine, paths)
    if status.exiting:
        end = asyncio.ensure_future(ended(pid))
        await asyncio.wait({end}, timeout=_LAST_WORDS)
        end.cancel()
        raise await cause.failure(paths, f"instance `{paths.name}` ended while starting", status.errors, up=False)
    if status.running and status.degraded:
        half = f"instance `{paths.name}` runs, but not all of it works"
        raise await cause.failure(paths, half, status.errors, up=True)
    return status.running


async def _refuse_hopeless(told: MachineEvent, paths: InstancePaths) -> None:
    """Raise GuestError for a machine that will not become ready by itself."""
    if told.state == "panicked":
        late = f"instance `{paths.name}` will not become ready: its kernel panicked; it was left running"
        raise await cause.failure(paths, late, (told.detail,), up=True)
    if told.state == "paused":
        raise GuestError(f"instance `{paths.name}` is paused: {told.detail}",
                         hint=f"mend that, then: {notice.program()} resume {paths.name}")


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
