"""Whether an ssh server answers at a port, found without logging in: its banner is the evidence."""

from __future__ import annotations

import asyncio
import contextlib


async def answers(port: int, timeout: float = 1.0, address: str = "127.0.0.1") -> bool:
    """Whether `SSH-` comes within `timeout` seconds of connecting. QEMU accepts connections long before the guest."""
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(address, port)
            with contextlib.closing(writer):
                return await reader.read(4) == b"SSH-"
    except (OSError, TimeoutError):
        return False
