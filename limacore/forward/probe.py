"""Whether something is behind the host side of a forward: a connection, and a moment of patience."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from limacore.errors import UsageError
from limacore.forward import byhand
from limacore.forward.rules import Target
from limacore.model.instance import Forward
from limacore.model.probe import Probe

CONNECT_TIME = 3.0
LINGER = 0.5
"""Seconds that a connection must stand: ssh takes every one, and closes it when the guest refuses."""
_AT_ONCE = 32
"""Connections that are open at the same time."""


async def probe_all(forwards: Iterable[Forward]) -> tuple[Probe, ...]:
    """Knock at each that forwards, in their order."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(forward: Forward) -> Probe:
        async with gate:
            return await probe(forward.protocol, forward.host)

    return tuple(await asyncio.gather(*(one(each) for each in forwards if each.state == "forwarding")))


async def probe(protocol: str, host: str) -> Probe:
    """Knock once; datagrams and sockets of the guest cannot be knocked at."""
    if protocol != "tcp":
        return Probe(protocol, host, "no probe")
    began = time.monotonic()
    try:
        target = byhand.end(host)
        async with asyncio.timeout(CONNECT_TIME):
            reader, writer = await _connect(target)
    except TimeoutError:
        return Probe(protocol, host, "silent")
    except (OSError, UsageError):
        return Probe(protocol, host, "refused")
    seconds = time.monotonic() - began
    try:
        return Probe(protocol, host, "closes" if await _ends(reader) else "answers", seconds)
    finally:
        writer.close()


async def _connect(target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if not target.port:
        return await asyncio.open_unix_connection(target.host)
    return await asyncio.open_connection({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(target.host, target.host),
                                         target.port)


async def _ends(reader: asyncio.StreamReader) -> bool:
    """Whether the other side closes without a word."""
    try:
        async with asyncio.timeout(LINGER):
            return not await reader.read(1)
    except TimeoutError:
        return False
    except OSError:
        return True
