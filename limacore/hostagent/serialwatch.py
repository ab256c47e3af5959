"""How far a boot is, told by what the guest prints on its serial console; looked at only while it boots."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

from limacore.base.jsonlines import Tail
from limacore.mounts import inotify

INTERVAL = 0.1
"""Seconds between looks at the log."""

_KERNEL = re.compile(rb"Linux version|\] Command line:|Booting Linux|EFI stub: Loaded initrd|Decompressing Linux")
_INIT = re.compile(rb"Run /\S*init as init process|systemd\[1\]|OpenRC|\binit: |cloud-init\[|Freeing unused kernel")

_PANIC = re.compile(rb"Kernel panic - not syncing: [^\r\n]*")
_LONGEST = 200
_SELDOM = 5.0
"""Seconds between looks where the system does not tell of changes of a file."""


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


async def watch_panic(log: Path, panicked: Callable[[str], None]) -> None:
    """Call `panicked` with each line that a dying kernel prints; looks only when something was printed."""
    tail = Tail(log, limit=4096)
    with inotify.changing(log) as changed:
        while True:
            for line in tail.read():
                if found := _PANIC.search(line):
                    panicked(found[0].decode(errors="replace")[:_LONGEST])
            await asyncio.sleep(INTERVAL)
            await (changed() if changed else asyncio.sleep(_SELDOM))
