"""How a machine is brought down: asked by every way there is, and after three minutes told."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from typing import Any

from limacore.drivers.base import Machine
from limacore.errors import DriverError
from limacore.hostagent.emit import Emitter
from limacore.hostagent.guestlink import GuestLink

Log = Callable[[str, str], None]
GRACE = 180.0
"""Seconds that a guest has to shut down."""

PRESS_AGAIN = 10.0
"""Seconds between presses of the power button: a guest that still boots has nobody who notices the first."""


class Power:
    """Signals to this process, and the end of the machine."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._asked = asyncio.Event()
        self._insisted = asyncio.Event()
        self._launching: asyncio.Task[Any] | None = None

    def listen(self) -> None:
        """Take SIGINT and SIGTERM: the first asks, the second insists. Until there is a machine, one is enough."""
        self._launching = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.signalled, number)

    def signalled(self, number: int) -> None:
        """One of the two signals came."""
        name = signal.Signals(number).name
        if not self._asked.is_set():
            self._log("info", f"Received {name}, shutting down the host agent")
            self._asked.set()
        else:
            self._log("warning", f"Received {name} again, ending the machine at once")
            self._insisted.set()
        if self._launching:
            self._launching.cancel()

    def insist(self) -> None:
        """Do not wait for the guest."""
        self._insisted.set()

    def leave(self) -> None:
        """End, as if a signal had asked."""
        self._asked.set()

    async def until_end_or_signal(self, machine: Machine) -> None:
        """Wait for whichever comes first."""
        self._launching = None
        await _first(machine.exited, self._asked)

    async def shut_down(self, machine: Machine, link: GuestLink, emit: Emitter) -> None:
        """Bring the machine down in order, or by force when it does not obey in time; it has ended afterwards."""
        if machine.exited.done():
            return
        emit.begin("stop", "asking the guest")
        pressing = asyncio.create_task(self._press(machine, link))
        counting = asyncio.create_task(_count_down(emit))
        try:
            async with asyncio.timeout(GRACE):
                await _first(machine.exited, self._insisted)
        except TimeoutError:
            self._log("warning", f"the guest did not shut down within {GRACE:.0f} s; ending the machine by force")
        finally:
            pressing.cancel()
            counting.cancel()
        if not machine.exited.done():
            emit.note("stop", "by force")
            await machine.kill()
        self._log("info", f"{_called(machine)} has exited")
        emit.done("stop")

    async def _press(self, machine: Machine, link: GuestLink) -> None:
        """One way at a time at first: a guest that is asked twice at once may trip over itself."""
        if link.power_off():
            self._log("info", "Asking the guest agent to shut the guest down")
            await asyncio.sleep(PRESS_AGAIN)
        self._log("info", f"Shutting down {_called(machine)} with the power button")
        while True:
            with contextlib.suppress(DriverError):
                await machine.power_button()
            await asyncio.sleep(PRESS_AGAIN)


def _called(machine: Machine) -> str:
    word = machine.description.partition(" ")[0]
    return "QEMU" if word == "qemu" else word


async def _count_down(emit: Emitter) -> None:
    """Say every few seconds when the machine will be ended by force."""
    for left in range(int(GRACE - PRESS_AGAIN), 0, -int(PRESS_AGAIN)):
        await asyncio.sleep(PRESS_AGAIN)
        emit.note("stop", f"asking the guest, by force in {left} s")


async def _first(ended: asyncio.Future[Any], event: asyncio.Event) -> None:
    signalled = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({ended, signalled}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        signalled.cancel()
