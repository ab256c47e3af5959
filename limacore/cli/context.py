"""What every command shares: the home, the log, how an engine coroutine is run and how ctrl-C ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Coroutine
from functools import cached_property
from typing import Any, TypeVar

from limacore.base.units import format_size
from limacore.cli.output import Log, visible
from limacore.cli.streams import out, tell
from limacore.errors import InterruptedByUserError
from limacore.model.job import Progress
from limacore.paths import HomePaths

T = TypeVar("T")
_EVERY = 3.0
"""Seconds between lines of progress where they cannot be rewritten."""


class Context:
    """Made once per command line; `tty`: whether questions may be asked."""

    def __init__(self, log: Log, *, tty: bool, asked_for_tty: bool | None = None) -> None:
        self.log = log
        self.tty = tty
        self.asked_for_tty = asked_for_tty
        """What `--tty` says, None when it is not given."""
        self._told_at = 0.0
        self._downloading: set[str] = set()

    @cached_property
    def home(self) -> HomePaths:
        """The Lima home; raises LimaError where there can be none."""
        return HomePaths()

    def out(self, text: str) -> None:
        """Print to stdout, as it is."""
        out(text)

    def report(self, progress: Progress) -> None:
        """Progress of a long operation: a rewritten line on a terminal; elsewhere only that a download has begun."""
        if progress.step == "download" and progress.detail not in self._downloading:
            self._downloading.add(progress.detail)
            tell(f"Downloading {visible(progress.detail)}\n")
        if progress.fraction is None or not sys.stderr.isatty() or self.log.style == "json":
            return
        now = time.monotonic()
        if now - self._told_at < 0.1 and progress.fraction < 1:
            return
        self._told_at = now
        end = "\n" if progress.fraction >= 1 else ""
        tell(f"\r\x1b[K  {visible(_progress(progress))}{end}")

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run an engine coroutine; SIGINT and SIGTERM cancel it, and it undoes what it began."""
        return asyncio.run(_interruptible(work))


def _progress(progress: Progress) -> str:
    words = [progress.step, progress.detail, f"{(progress.fraction or 0) * 100:3.0f} %"]
    if progress.rate:
        words.append(f"{format_size(int(progress.rate))}/s")
    if progress.eta:
        words.append(f"{progress.eta:.0f} s left")
    return "  ".join(word for word in words if word)


async def _interruptible(work: Coroutine[Any, Any, T]) -> T:
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise InterruptedByUserError("interrupted, what was begun has been undone") from None


def warn_root(log: Log) -> None:
    """limactl refuses root; here it is allowed, since containers and servers have no one else."""
    if os.geteuid() == 0:
        log("debug", "running as root: instances belong to root, guests get the user `lima`")
