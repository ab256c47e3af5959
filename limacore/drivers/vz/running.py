"""One VZVirtualMachine from its start to its end. Not run on macOS: tests compare each call with a recorder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from typing import Any

from limacore.drivers.base import Exit
from limacore.drivers.vz import objects
from limacore.drivers.vz.framework import Framework
from limacore.drivers.vz.plan import Description
from limacore.drivers.vz.queue import Queue
from limacore.errors import DriverError


class Running:
    """A started machine; every method may be called from the event loop only."""

    def __init__(self, queue: Queue, machine: Any, delegate: Any, exited: asyncio.Future[Exit]) -> None:
        self._queue = queue
        self._machine = machine
        self._delegate = delegate  # the framework keeps no reference of its own
        self.exited = exited

    async def request_stop(self) -> None:
        """Press the power button; raises DriverError when the guest cannot be asked."""
        await self._queue.call(lambda: objects.taken(
            self._machine.requestStopWithError_(None), "vz cannot ask the guest to shut down"))

    async def stop(self) -> None:
        """End the machine now; returns when it has ended."""
        if self.exited.done():
            return
        (error,) = await self._queue.ask(self._machine.stopWithCompletionHandler_)
        if error is None:
            self._queue.tell(self.exited, Exit(0))
            await asyncio.shield(self.exited)
        elif not self.exited.done():  # else it ended by itself meanwhile
            raise DriverError("vz cannot stop the machine", detail=_words(error))

    async def connect(self, port: int) -> socket.socket:
        """A connection to a vsock port of the guest; raises DriverError when nobody listens there."""
        connection, error = await self._queue.ask(
            lambda done: self._machine.socketDevices()[0].connectToPort_completionHandler_(port, done))
        if connection is None:
            raise DriverError(f"vsock port {port} does not answer", detail=_words(error))
        try:
            # Only read and written here, so the family does not matter; Python knows that of vsock on Linux alone.
            return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=os.dup(connection.fileDescriptor()))
        finally:
            await self._queue.call(connection.close)


@contextlib.asynccontextmanager
async def started(
    frameworks: Framework, queue: Queue, wanted: Description, ends: objects.Ends,
) -> AsyncIterator[Running]:
    """The machine, started; leaving ends it. Raises DriverError."""
    exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
    delegate = frameworks.delegate(lambda reason: queue.tell(exited, Exit(1 if reason else 0, reason)))

    def make() -> Any:
        valid = objects.configuration(frameworks, wanted, ends)
        made = frameworks.vz.VZVirtualMachine.alloc().initWithConfiguration_queue_(valid, queue.handle)
        made.setDelegate_(delegate)
        return made

    machine = await queue.call(make)
    (error,) = await queue.ask(machine.startWithCompletionHandler_)
    if error is not None:
        raise DriverError("vz cannot start the machine", detail=_words(error))
    running = Running(queue, machine, delegate, exited)
    try:
        yield running
    finally:
        await running.stop()


async def with_rosetta(frameworks: Framework, queue: Queue) -> str:
    """Install Rosetta where it is missing; why it cannot be used, or nothing."""
    share = frameworks.vz.VZLinuxRosettaDirectoryShare
    availability = await queue.call(share.availability)
    if availability == frameworks.vz.VZLinuxRosettaAvailabilityNotSupported:
        return "this computer has no Rosetta for Linux"
    if availability != frameworks.vz.VZLinuxRosettaAvailabilityNotInstalled:
        return ""
    (error,) = await queue.ask(share.installRosettaWithCompletionHandler_)
    return "" if error is None else f"Rosetta was not installed: {_words(error)}"


def _words(error: Any) -> str:
    return str(error.localizedDescription()) if error is not None else ""
