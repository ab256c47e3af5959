"""Programs that own the terminal for a while."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence


async def run_in_terminal(argv: Sequence[str]) -> None:
    """Run a program that owns the terminal; ctrl+c is its own business, so it must not end us."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        process = await asyncio.create_subprocess_exec(*argv, env=os.environ)
        await process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
