"""What clients may ask of a running machine besides to end: stand still, go on, keep its memory, give some back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

from limacore.base import notice
from limacore.drivers.base import Ballooning, GuestMemory, Halting, Machine, Suspending
from limacore.errors import LimaError, StateError
from limacore.hostagent.emit import Emitter
from limacore.hostagent.halt import Halt
from limacore.hostagent.machines import Eventful
from limacore.hostagent.setup import Prepared
from limacore.model.suspension import TAG, Suspension
from limacore.store import suspension

Log = Callable[[str, str], None]
FULL = "host disk full"
"""Why a machine stands still whose disk could not grow."""

PARTING = 5.0
"""Seconds in which the guest must have noticed that the ssh connection is gone."""


CONSOLE_TIME = 2.0
"""Seconds in which the console is expected to have the line that says why a kernel panicked."""


async def watch_machine(machine: Machine, told: Callable[[str, dict[str, Any]], None]) -> None:
    """Hand on what the machine itself tells: resets, pauses, crashes of the guest's kernel; until it ends."""
    if isinstance(machine, Eventful):
        with contextlib.suppress(LimaError):
            async for event in machine.events():
                told(event.name, event.data)


class Steering:
    """The state of the machine as its hypervisor tells it, and the wishes of clients. `halt` is for those who wait."""

    def __init__(self, prepared: Prepared, emit: Emitter, log: Log, hang_up: Callable[[], None],
                 ready: Callable[[], bool], leave: Callable[[], None]) -> None:
        self.prepared = prepared
        self.halt = Halt()
        self.panic = ""
        """The line with which the guest's kernel gave up."""
        self.saved: Suspension | None = None
        self._emit = emit
        self._log = log
        self._hang_up = hang_up
        self._ready = ready
        self._leave = leave
        self._machine: Machine | None = None
        self._failure = ""
        self._saving = False
        self._unheard: list[asyncio.TimerHandle] = []
        self._loaded = prepared.resumed is not None

    def attend(self, machine: Machine) -> None:
        """This is the machine from now on."""
        self._machine = machine

    # --- what the hypervisor tells

    def from_machine(self, name: str, data: dict[str, Any]) -> None:
        """One event of QMP."""
        if name == "BLOCK_IO_ERROR" and data.get("action") == "stop":
            self._failure = _failure(data)
        elif name == "STOP" and not self._saving and not self.saved:
            self._stopped()
        elif name == "RESUME":
            self._resumed()
        elif name == "GUEST_PANICKED":
            later = asyncio.get_running_loop().call_later(CONSOLE_TIME, self.panicked, "it told the hypervisor so")
            self._unheard.append(later)
        elif name == "RESET":
            self._forget_panic()

    def panicked(self, line: str) -> None:
        """The guest's kernel gave up; the first word on it is kept."""
        if not self.panic:
            self.panic = line
            self._log("error", f"the guest's kernel panicked: {line}")
            self._emit.machine("panicked", line)

    def _forget_panic(self) -> None:
        while self._unheard:
            self._unheard.pop().cancel()
        if self.panic:
            self.panic = ""
            self._emit.machine("running")

    def _stopped(self) -> None:
        self.halt.begin(self._failure)
        self.prepared.spec.paths.halted.touch()  # a quick `shell` looks for it, as its ssh would wait for ever
        self._emit.machine("paused", self._failure)
        if self._failure:
            self._log("error", f"the machine is paused: {self._failure}")
        else:
            self._log("info", "the machine is paused")

    def _resumed(self) -> None:
        self._failure = ""
        if self.halt.reason is not None:
            self.halt.end()
            self.prepared.spec.paths.halted.unlink(missing_ok=True)
            self._emit.machine("running")
            self._log("info", "the machine goes on")

    def phase(self, otherwise: str) -> str:
        """`paused` or `panicked` where it is; else the phase of the boot."""
        if self._saving or self.saved:
            return "stopping"
        if self.halt.reason is not None:
            return "paused"
        return "panicked" if self.panic else otherwise

    @property
    def detail(self) -> str:
        """Why it is in that phase."""
        return self.halt.reason or self.panic

    # --- what clients ask

    async def pause(self) -> None:
        """Stop the processors; raises StateError, DriverError."""
        if not isinstance(self._machine, Halting):
            raise self._cannot("paused")
        if self.halt.reason is None:
            await self._machine.halt()

    async def resume(self) -> None:
        """Let a paused machine go on; raises StateError, DriverError."""
        if not isinstance(self._machine, Halting):
            raise self._cannot("paused")
        if self.halt.reason is None:
            raise StateError(f"`{self._name}` is not paused")
        await self._machine.go_on()

    async def memory(self) -> GuestMemory:
        """What the guest has; raises StateError, DriverError."""
        return await self._ballooning().memory()

    async def set_memory(self, wanted: int) -> GuestMemory:
        """Give the guest less or more; raises StateError, DriverError."""
        return await self._ballooning().set_memory(wanted)

    async def suspend(self) -> None:
        """Keep memory and devices in the disk, after which the machine is switched off.

        Raises StateError with what stands in the way before anything was touched, DriverError."""
        machine = self._machine
        if not isinstance(machine, Suspending):
            raise self._cannot("suspended")
        if self.halt.reason is not None or not self._ready():
            raise StateError(f"`{self._name}` cannot be suspended now",
                             detail="it is paused" if self.halt.reason is not None else "it is not ready",
                             hint="it must run, with its boot behind it")
        if found := await machine.obstacles():
            raise StateError(f"`{self._name}` cannot be suspended", detail="; ".join(found))
        self._emit.machine("suspending", "writing its memory")
        self._saving = True
        try:
            saved = await self._save(machine)
        except BaseException:
            self._emit.machine("running")
            with contextlib.suppress(LimaError):
                await machine.go_on()
            self.halt.end()
            raise
        finally:
            self._saving = False
        self.saved = saved
        self._leave()

    async def _save(self, machine: Suspending) -> Suspension:
        """The guest must see the end of its ssh connection: after the resume nobody would tell it."""
        self.halt.begin("suspending")
        self._hang_up()
        with contextlib.suppress(LimaError, TimeoutError):
            async with asyncio.timeout(PARTING):
                while not await machine.is_ssh_idle():  # noqa: ASYNC110 - slirp has no event for it
                    await asyncio.sleep(0.05)
        await machine.halt()
        await machine.save(TAG)
        return self._record(machine)

    def _record(self, machine: Suspending) -> Suspension:
        spec, resolver = self.prepared.spec, self.prepared.resolver
        return Suspension(
            at=time.time(), machine=machine.likeness, config=suspension.digest_of_config(spec.config),
            seed=suspension.seed_of(spec.paths), iid=self.prepared.iid, ssh_port=spec.ssh_port,
            dns_ports=(resolver.udp_port, resolver.tcp_port) if resolver else (0, 0),
        )  # fmt: skip

    async def switch_off(self, machine: Machine) -> None:
        """End a machine whose memory is kept, and then say on disk that it is."""
        assert self.saved is not None
        assert isinstance(machine, Suspending)
        try:
            await machine.switch_off()
        except LimaError:
            await machine.kill()
        suspension.write(self.prepared.spec.paths, self.saved)
        self._emit.machine("suspended")
        self._log("info", "the machine is suspended: its memory is kept in its disk")

    async def go_on(self, machine: Machine) -> None:
        """Let a machine run whose memory was loaded; never again from that state, since its disk changes now."""
        if self.prepared.resumed:
            assert isinstance(machine, Suspending)
            suspension.forget(self.prepared.spec.paths)
            await machine.go_on()

    async def wake(self) -> None:
        """A machine that stands still hears nothing, so it could not be shut down in order."""
        if self.halt.reason is not None and isinstance(self._machine, Halting):
            with contextlib.suppress(LimaError):
                await self._machine.go_on()

    async def tidy(self) -> None:
        """Give back the room that the loaded state takes, once."""
        loaded, self._loaded = self._loaded, False
        if loaded and isinstance(self._machine, Suspending):
            try:
                await self._machine.forget(TAG)
            except LimaError as error:
                self._log("warning", f"the loaded state still takes room in the disk: {error}")

    @property
    def _name(self) -> str:
        return self.prepared.spec.name

    def _cannot(self, verb: str) -> StateError:
        why = "its driver cannot do that" if self._machine else "there is no machine yet"
        return StateError(f"`{self._name}` cannot be {verb}", detail=why)

    def _ballooning(self) -> Ballooning:
        if self.halt.reason is not None:
            raise StateError(f"`{self._name}` is paused, so its guest does not answer",
                             hint=f"{notice.program()} resume {self._name}")
        if not isinstance(self._machine, Ballooning):
            raise self._cannot("given another size of memory")
        return self._machine


def _failure(data: dict[str, Any]) -> str:
    if data.get("nospace"):
        return FULL
    what = data.get("node-name") or data.get("device") or "its disk"
    return f"{data.get('operation', 'input or output')} error of {what}: {data.get('reason', 'not known')}"
