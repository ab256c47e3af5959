"""A busy world for tests and benchmarks: many machines that all change, a log that grows, a console that floods."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path

from limacore.drivers.demo import DemoEngine

_LINE = b"[  12.345678] audit: type=1400 apparmor=\"ALLOWED\" operation=\"open\" name=\"/usr/lib/x\" pid=%d\r\n"
_DIFFERENT = 7


@asynccontextmanager
async def flooding(engine: DemoEngine, name: str, *, pause: float = 0.02, lines: int = 2000) -> AsyncIterator[None]:
    """While this is open, `name` prints `lines` lines per pause on its console and into serial.log."""
    log = Path((await asyncio.to_thread(engine.log_files, name))[0].path)
    tasks = [asyncio.create_task(_write(log, pause, lines)), asyncio.create_task(_print(engine, name, pause, lines))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _write(log: Path, pause: float, lines: int) -> None:
    block = b"".join(_LINE % number for number in range(lines))
    while True:
        await asyncio.to_thread(_append, log, block)
        await asyncio.sleep(pause)


def _append(log: Path, block: bytes) -> None:
    with log.open("ab") as file:
        file.write(block)


async def _print(engine: DemoEngine, name: str, pause: float, lines: int) -> None:
    blocks = cycle([b"".join(b"\x1b[3%dm" % (number % 8) + _LINE % number for number in range(first, first + lines))
                    for first in range(_DIFFERENT)])  # no two screens alike, else nothing would be painted
    while True:
        line = engine._line(name)
        if line._holder is not None and line._holder.arrived.qsize() < 4:
            line.say(next(blocks))
        await asyncio.sleep(pause)
