"""What is done to a machine while it runs: it stands still, goes on, keeps its memory and ends, gives memory back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from limacore import hostlink
from limacore.base import notice
from limacore.base.goquote import ticked
from limacore.errors import StateError
from limacore.hostlink import LogLine
from limacore.lifecycle.guard import configured, held
from limacore.lifecycle.relay import relay
from limacore.model.instance import Instance, Status
from limacore.model.job import Progress
from limacore.paths import HomePaths, InstancePaths
from limacore.store.scan import inspect

Report = Callable[[Progress], None]
SAVE_TIME = 960.0
"""Seconds that QEMU may take to write the memory of a machine."""

SETTLE = 20.0
"""Seconds until the events tell what was done."""


async def pause(home: HomePaths, name: str) -> None:
    """Stop the processors of a running machine; nothing when it is paused. Raises StateError."""
    await _steer(home, name, "pause", Status.PAUSED)


async def resume(home: HomePaths, name: str) -> None:
    """Let a paused machine go on; raises StateError, also when what paused it does so again."""
    await _steer(home, name, "resume", Status.RUNNING)


async def suspend(home: HomePaths, name: str, *, report: Report) -> None:
    """Keep the memory of a running machine in its disk and end it, for `start` to go on from; raises StateError."""
    paths, since = configured(home, name), time.time()
    with held(paths):
        instance = _up(home, name)
        report(Progress("suspend", "writing the memory into the disk"))
        notice.info(f"Suspending the instance {ticked(name)}")
        await hostlink.power(paths, "suspend", SAVE_TIME)
    await _gone(paths, instance, since)
    if inspect(home, name).status is not Status.SUSPENDED:
        raise StateError(f"instance {ticked(name)} ended without a record of its memory", hint=f"see {paths.ha_stderr}")
    notice.info(f"The instance {name} is suspended")


async def memory(home: HomePaths, name: str, wanted: int | None = None) -> tuple[int, int]:
    """Bytes that the guest has and may have, after it was given `wanted`; raises StateError."""
    paths = configured(home, name)
    _up(home, name)
    found = await hostlink.memory(paths, wanted)
    return found["now"], found["most"]


async def _steer(home: HomePaths, name: str, do: str, wanted: Status) -> None:
    paths = configured(home, name)
    with held(paths):
        _up(home, name)
        await hostlink.power(paths, do)
        await _until(home, name, wanted)


async def _until(home: HomePaths, name: str, wanted: Status) -> None:
    """The machine itself tells that it stands still or goes on, a moment later."""
    found = inspect(home, name)
    for _ in range(int(SETTLE / 0.05)):
        if (found.status is Status.PAUSED) == (wanted is Status.PAUSED):
            return
        await asyncio.sleep(0.05)
        found = inspect(home, name)
    raise StateError(f"instance {ticked(name)} is `{found.status}`", detail=found.phase,
                     hint=f"see {home.instance(name).ha_stderr}")


def _up(home: HomePaths, name: str) -> Instance:
    instance = inspect(home, name)
    if instance.status not in (Status.RUNNING, Status.STARTING, Status.PAUSED, Status.PANICKED):
        hint = f"`{notice.program()} start {name}` lets it go on" if instance.status is Status.SUSPENDED else ""
        raise StateError(f"instance {ticked(name)} is `{instance.status}`, so there is no machine to be asked",
                         detail="; ".join(instance.errors), hint=hint)
    return instance


async def _gone(paths: InstancePaths, instance: Instance, since: float) -> None:
    try:
        async for line in hostlink.follow(paths, instance.ha_pid, since):
            if isinstance(line, LogLine):
                relay(line)
    except StateError:
        pass  # it ended without a word, which the status tells better
