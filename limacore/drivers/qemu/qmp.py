"""Asking QEMU: short connections to `qmp.sock`, and one that stays for events on our private monitor.

A monitor socket serves one client; `qmp.sock` belongs to whoever asks, so nothing here holds it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from limacore.errors import DriverError

TIMEOUT = 5.0
EVENTS = ("SHUTDOWN", "RESET", "STOP", "RESUME", "SUSPEND", "WAKEUP", "BLOCK_IO_ERROR", "GUEST_PANICKED", "POWERDOWN")


class QmpEvent(Struct, frozen=True):
    """Something that happened to the machine: its QMP name, when (seconds since the epoch), its data."""

    name: str
    time: float
    data: dict[str, Any] = {}


class Monitor:
    """A connection to a QEMU monitor, for as long as the `monitor` context lasts."""

    def __init__(self, client: Any, listener: Any, path: Path) -> None:
        self._client = client
        self._listener = listener
        self._path = path

    async def ask(self, command: str, /, *, within: float = TIMEOUT, **arguments: Any) -> Any:
        """The answer to a command; raises DriverError when it is refused or does not come `within` seconds."""
        from qemu.qmp import ExecuteError, QMPError

        try:
            async with asyncio.timeout(within):
                return await self._client.execute(command, arguments or None)
        except ExecuteError as error:
            raise DriverError(f"QEMU refused `{command}`", detail=str(error)) from error
        except (QMPError, OSError, EOFError) as error:
            raise DriverError(f"QEMU went away during `{command}`", detail=str(error)) from error
        except TimeoutError as error:
            raise DriverError(f"QEMU did not answer `{command}` within {within:g} seconds") from error

    async def events(self) -> AsyncIterator[QmpEvent]:
        """What happens from the moment of connecting on; ends when the monitor is closed."""
        while True:
            message = asyncio.ensure_future(self._listener.get())
            closed = asyncio.ensure_future(self._closed())
            try:
                await asyncio.wait((message, closed), return_when=asyncio.FIRST_COMPLETED)
                if not message.done():
                    return
                yield _event(message.result())
            finally:
                message.cancel()
                closed.cancel()

    async def _closed(self) -> None:
        from qemu.qmp.protocol import Runstate

        while self._client.runstate is Runstate.RUNNING:
            await self._client.runstate_changed()


def _event(message: Any) -> QmpEvent:
    stamp = message.get("timestamp", {})
    when = stamp.get("seconds", 0) + stamp.get("microseconds", 0) / 1e6
    return QmpEvent(str(message["event"]), when, dict(message.get("data", {})))


@contextlib.asynccontextmanager
async def monitor(path: Path, timeout: float = TIMEOUT) -> AsyncIterator[Monitor]:
    """A monitor connection; raises DriverError when nobody answers at `path` within `timeout` seconds."""
    from qemu.qmp import ConnectError, EventListener, QMPClient, QMPError

    client = QMPClient("limatui")
    listener = EventListener(names=EVENTS)
    client.register_listener(listener)
    try:
        async with asyncio.timeout(timeout):
            await client.connect(str(path))
    except TimeoutError as error:
        raise DriverError(f"QEMU does not answer at `{path}`", detail=f"no greeting within {timeout:g} seconds",
                          hint="another program may be connected to it: a monitor serves one at a time") from error
    except ConnectError as error:
        raise DriverError(f"cannot connect to QEMU at `{path}`", detail=str(error.exc)) from error
    try:
        yield Monitor(client, listener, path)
    finally:
        with contextlib.suppress(QMPError, OSError, EOFError):  # it tells again how the connection broke
            await client.disconnect()


async def ask(path: Path, command: str, **arguments: Any) -> Any:
    """One question over a connection of its own; raises DriverError."""
    async with monitor(path) as connection:
        return await connection.ask(command, **arguments)


async def human(path: Path, line: str, *, within: float) -> str:
    """What the monitor for people prints for a line, without carriage returns; raises DriverError."""
    async with monitor(path) as connection:
        text = await connection.ask("human-monitor-command", within=within, **{"command-line": line})
    return str(text).replace("\r", "")


async def power_down(path: Path) -> None:
    """Press the power button; raises DriverError."""
    await ask(path, "system_powerdown")


async def query_status(path: Path) -> str:
    """`running`, `paused`, `shutdown`, `io-error`, …; raises DriverError."""
    return str((await ask(path, "query-status"))["status"])


async def stop(path: Path) -> None:
    """Halt the virtual processors; raises DriverError."""
    await ask(path, "stop")


async def cont(path: Path) -> None:
    """Let the virtual processors run on; raises DriverError."""
    await ask(path, "cont")


async def events(path: Path) -> AsyncIterator[QmpEvent]:
    """Events of the machine from now on, over a monitor that nobody else uses; ends when QEMU does."""
    async with monitor(path) as connection:
        async for event in connection.events():
            yield event
