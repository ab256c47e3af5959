"""A machine that stands still, is suspended or panics, as clients and the event log see it; the machine is a stub."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from limacore.drivers.base import GuestMemory, Log, MachineSpec
from limacore.errors import DriverError, StateError
from limacore.model.event import MachineEvent
from limacore.model.guest import SetClock
from limacore.model.suspension import TAG
from limacore.store import suspension
from tests.unit.hostagent.stub import Running, StubGuest, StubMachine, home, running


class Told(Struct):
    name: str
    data: dict[str, Any] = {}


class SteeredMachine(StubMachine):
    """It tells what QEMU would tell; `block` is what stands against a suspension, `refusal` an error of saving."""

    likeness = ("7.2.22", "qemu")
    block: tuple[str, ...] = ()
    refusal = ""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        super().__init__(process)
        self.told: asyncio.Queue[Told] = asyncio.Queue()
        self.saved: list[str] = []
        self.forgotten: list[str] = []

    async def events(self) -> AsyncIterator[Told]:
        while True:
            yield await self.told.get()

    async def halt(self) -> None:
        self.told.put_nowait(Told("STOP"))

    async def go_on(self) -> None:
        self.told.put_nowait(Told("RESUME"))

    async def obstacles(self) -> tuple[str, ...]:
        return self.block

    async def is_ssh_idle(self) -> bool:
        return True

    async def save(self, tag: str) -> None:
        if self.refusal:
            raise DriverError(self.refusal)
        self.saved.append(tag)

    async def forget(self, tag: str) -> None:
        self.forgotten.append(tag)

    async def switch_off(self) -> None:
        self.end()
        await self.exited

    async def memory(self) -> GuestMemory:
        return GuestMemory(1, 2)

    async def set_memory(self, wanted: int) -> GuestMemory:
        return GuestMemory(wanted, 2)


class SteeredGuest(StubGuest):
    machine: SteeredMachine

    @contextlib.asynccontextmanager
    async def run(self, spec: MachineSpec, log: Log) -> AsyncIterator[SteeredMachine]:
        async with super().run(spec, log) as plain:
            self.machine = SteeredMachine(plain.process)
            self.machine.exited = plain.exited
            spec.paths.cidata.write_bytes(b"seed")
            yield self.machine


@pytest.fixture
async def ready(tmp_path: Path) -> AsyncIterator[Running]:
    guest = SteeredGuest(home(tmp_path))
    async with running(guest) as found:
        await guest.boot()
        await found.until_running()
        yield found


def _machine(found: Running) -> SteeredMachine:
    assert isinstance(found.guest.machine, SteeredMachine)
    return found.guest.machine


def _said(found: Running) -> list[MachineEvent]:
    return [each.status.machine for each in found.events() if each.status.machine]


async def test_pause_and_resume(ready: Running) -> None:
    steering, halted = ready.agent.steering, ready.guest.paths.halted
    with pytest.raises(StateError, match="is not paused"):
        await steering.resume()
    await steering.pause()
    await ready.until(lambda: ready.agent.status(False).phase == "paused")
    assert ready.agent.status(False).agent == "answering"
    assert halted.exists()
    assert _said(ready) == [MachineEvent("paused")]
    with pytest.raises(StateError, match="is paused"):
        await steering.memory()
    with pytest.raises(StateError, match="it is paused"):
        await steering.suspend()
    ready.guest.got.clear()
    await steering.resume()
    await ready.until(lambda: ready.agent.status(False).phase == "running")
    await ready.until(lambda: any(isinstance(each, SetClock) for each in ready.guest.got))
    assert _said(ready)[-1] == MachineEvent("running")
    assert not halted.exists()
    assert await steering.set_memory(1) == GuestMemory(1, 2)


async def test_a_paused_guest_is_not_logged_into_again(ready: Running) -> None:
    await ready.agent.steering.pause()
    await ready.until(lambda: ready.agent.status(False).phase == "paused")
    ready.agent.ssh.hang_up()
    await ready.until(lambda: not ready.agent.facts.known("master"))
    assert not any(each["level"] == "warning" for each in ready.log())
    await ready.agent.steering.resume()
    assert await ready.agent.facts.wait("master", 20)


@pytest.mark.parametrize(("data", "why"), [
    ({"nospace": True}, "host disk full"),
    ({"operation": "write", "node-name": "#block1", "reason": "Input/output error"},
     "write error of #block1: Input/output error"),
])
async def test_an_error_of_the_disk_is_the_reason(ready: Running, data: dict[str, Any], why: str) -> None:
    machine = _machine(ready)
    machine.told.put_nowait(Told("BLOCK_IO_ERROR", {"action": "report", "reason": "harmless"}))
    machine.told.put_nowait(Told("BLOCK_IO_ERROR", {"action": "stop", **data}))
    machine.told.put_nowait(Told("STOP"))
    await ready.until(lambda: ready.agent.status(False).phase == "paused")
    assert ready.agent.status(False).phase_detail == why
    assert _said(ready) == [MachineEvent("paused", why)]
    assert any(each["level"] == "error" and why in each["msg"] for each in ready.log())


async def test_a_panic_is_told_once_with_its_line(ready: Running) -> None:
    serial = ready.guest.paths.serial_log
    with serial.open("ab") as log:
        log.write(b"[    9.1] Kernel panic - not syncing: sysrq triggered crash\r\n[ 9.2] ---[ end Kernel panic ]\r\n")
    _machine(ready).told.put_nowait(Told("RESET", {}))
    await ready.until(lambda: ready.agent.status(False).phase == "panicked", 60)
    assert _said(ready) == [MachineEvent("panicked", "Kernel panic - not syncing: sysrq triggered crash")]
    _machine(ready).told.put_nowait(Told("GUEST_PANICKED", {"action": "run"}))
    _machine(ready).told.put_nowait(Told("RESET", {}))
    await ready.until(lambda: ready.agent.status(False).phase != "panicked")
    assert _said(ready)[1:] == [MachineEvent("running")], "nothing is left of either panic"


async def test_a_panic_without_a_console_is_told_by_the_hypervisor(ready: Running) -> None:
    _machine(ready).told.put_nowait(Told("GUEST_PANICKED", {"action": "run"}))
    await ready.until(lambda: ready.agent.status(False).phase == "panicked")
    assert _said(ready) == [MachineEvent("panicked", "it told the hypervisor so")]


async def test_suspend_keeps_the_memory_and_then_says_so(ready: Running) -> None:
    paths = ready.guest.paths
    await ready.agent.steering.suspend()
    assert not suspension.exists(paths), "QEMU still runs"
    await ready.until(lambda: any(each.status.exiting for each in ready.events()))
    record = suspension.read(paths)
    assert record is not None
    assert (record.iid, record.tag, record.machine) == ("iid-1", TAG, SteeredMachine.likeness)
    assert _machine(ready).saved == [TAG]
    assert [each.state for each in _said(ready)] == ["suspending", "suspended"]
    assert _machine(ready).presses == 0


async def test_what_stands_in_the_way_is_said_before_anything_is_touched(ready: Running) -> None:
    _machine(ready).block = ("the disk is raw",)
    with pytest.raises(StateError, match="the disk is raw"):
        await ready.agent.steering.suspend()
    assert _said(ready) == []
    assert ready.agent.facts.known("master")


async def test_a_machine_that_cannot_be_saved_goes_on(ready: Running) -> None:
    _machine(ready).refusal = "no space left"
    with pytest.raises(DriverError, match="no space left"):
        await ready.agent.steering.suspend()
    assert [each.state for each in _said(ready)] == ["suspending", "running"]
    assert await ready.agent.facts.wait("master", 20)
    assert ready.agent.status(False).phase == "running"
    assert not suspension.exists(ready.guest.paths)
