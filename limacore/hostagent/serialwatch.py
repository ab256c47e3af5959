"""How far a boot is, told by what the guest prints on its serial console; looked at only while it boots."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

from limacore.base.jsonlines import Tail

INTERVAL = 0.1
"""Seconds between looks at the log."""

_KERNEL = re.compile(rb"Linux version|\] Command line:|Booting Linux|EFI stub: Loaded initrd|Decompressing Linux")
_INIT = re.compile(rb"Run /\S*init as init process|systemd\[1\]|OpenRC|\binit: |cloud-init\[|Freeing unused kernel")


def phase(line: bytes) -> str:
    """`kernel` or `init` when a console line is the sign of it, else nothing."""
    if _KERNEL.search(line):
        return "kernel"
    return "init" if _INIT.search(line) else ""


async def watch(log: Path, reached: Callable[[str], None], booting: Callable[[], bool]) -> None:
    """Call `reached` with each phase that shows on the console while `booting()`."""
    tail = Tail(log, limit=4096)
    while booting():
        for line in tail.read():
            if found := phase(line):
                reached(found)
        await asyncio.sleep(INTERVAL)
