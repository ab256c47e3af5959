"""How much of its memory a running guest may use: the balloon of virtio, over a monitor."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from limacore.drivers.base import GuestMemory
from limacore.drivers.qemu.args import BALLOON
from limacore.drivers.qemu.qmp import Monitor
from limacore.errors import DriverError, StateError

LEAST = 64 << 20
"""Bytes below which no guest lives."""

_PATH = f"/machine/peripheral/{BALLOON}"
_ANSWER, _SETTLE, _STILL, _LOOK = 3.0, 30.0, 3.0, 0.1
"""Seconds: until a driver must have answered, for all of its work, without change until it has ended, between looks."""


async def memory(monitor: Monitor) -> GuestMemory:
    """What the guest has now and may have at most; raises StateError when it has no driver for it, DriverError."""
    await _require_driver(monitor)
    most = await monitor.ask("query-memory-size-summary")
    return GuestMemory(int((await monitor.ask("query-balloon"))["actual"]), int(most["base-memory"]))


async def set_memory(monitor: Monitor, wanted: int) -> GuestMemory:
    """Let the guest have `wanted` bytes; what it has when it has stopped to give or take. Raises StateError."""
    found = await memory(monitor)
    if not LEAST <= wanted <= found.most:
        raise StateError(f"a guest with {found.most >> 20} MiB can be given {LEAST >> 20} to {found.most >> 20} MiB",
                         hint="more needs `memory` in lima.yaml, and a restart")
    await monitor.ask("balloon", value=wanted)
    return await _settled(monitor, found, wanted)


async def _settled(monitor: Monitor, found: GuestMemory, wanted: int) -> GuestMemory:
    """A guest gives page by page, and stops where it needs what it has."""
    still = 0
    for _ in range(int(_SETTLE / _LOOK)):
        now = GuestMemory(int((await monitor.ask("query-balloon"))["actual"]), found.most)
        still = still + 1 if now == found else 0
        found = now
        if found.now == wanted or still > _STILL / _LOOK:
            break
        await asyncio.sleep(_LOOK)
    return found


async def _require_driver(monitor: Monitor) -> None:
    """QEMU itself does not know whether anybody in the guest listens: a driver tells statistics when asked."""
    try:
        await monitor.ask("query-balloon")
        if not await _is_answering(monitor):
            raise StateError("the guest has no driver for the memory balloon", hint="its kernel needs virtio_balloon")
    except DriverError as error:
        raise StateError("this machine has no memory balloon", detail=error.detail,
                         hint="restart it: machines get one when they start") from error


async def _is_answering(monitor: Monitor) -> bool:
    await _poll(monitor, 1)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER):
                while not (await _statistics(monitor))["last-update"]:  # noqa: ASYNC110 - QEMU has no event for it
                    await asyncio.sleep(_LOOK)
                return True
        return False
    finally:
        await _poll(monitor, 0)


async def _poll(monitor: Monitor, seconds: int) -> None:
    await monitor.ask("qom-set", path=_PATH, property="guest-stats-polling-interval", value=seconds)


async def _statistics(monitor: Monitor) -> dict[str, Any]:
    return dict(await monitor.ask("qom-get", path=_PATH, property="guest-stats"))
