"""What every command shares: the home, the log, how an engine coroutine is run and how ctrl-C ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from msgspec import Struct

from limacore.cli.output import Log, visible
from limacore.errors import InterruptedByUserError
from limacore.model.job import Progress
from limacore.paths import HomePaths

T = TypeVar("T")
_EVERY = 3.0
"""Seconds between lines of progress where they cannot be rewritten."""


class Context(Struct):
    """Made once per command line."""

    home: HomePaths
    log: Log
    tty: bool
    told_at: float = 0.0
    """When progress was last written, by the monotonic clock."""

    def report(self, progress: Progress) -> None:
        """Progress of a long operation: a rewritten line on a terminal, else a line per step and every few seconds."""
        text = f"{progress.step}: {progress.detail}" if progress.detail else progress.step
        if progress.fraction is not None and sys.stderr.isatty():
            end = "\n" if progress.fraction >= 1 else ""
            print(f"\r\x1b[K  {visible(text)} {progress.fraction * 100:3.0f} %", end=end, file=sys.stderr, flush=True)
        elif self._worth_a_line(progress):
            self.log("info", text)

    def _worth_a_line(self, progress: Progress) -> bool:
        now = time.monotonic()
        if progress.fraction not in (None, 1.0) and now - self.told_at < _EVERY:
            return False
        self.told_at = now
        return True

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run an engine coroutine; SIGINT and SIGTERM cancel it, and it undoes what it began."""
        return asyncio.run(_interruptible(work))


async def _interruptible(work: Coroutine[Any, Any, T]) -> T:
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise InterruptedByUserError("interrupted, what was begun has been undone") from None


def make_context(level: str, style: str, tty: bool | None) -> Context:
    """The context of this process; raises LimaError when the home cannot be used."""
    log = Log(level, style)
    if os.geteuid() == 0:
        log("debug", "running as root: instances belong to root, guests get the user `lima`")
    return Context(HomePaths(), log, sys.stdout.isatty() if tty is None else tty)
