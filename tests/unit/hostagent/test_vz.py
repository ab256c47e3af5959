"""A whole boot of a vz machine: the real host agent, driver and ssh; Apple's framework is a recorder.

Its vsocks lead to a real ssh server and to a socket that speaks like the guest agent.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from msgspec.structs import replace

from limacore.base.host import machine as host_arch
from limacore.drivers.base import Log, Machine, MachineSpec
from limacore.drivers.vz.machine import VzDriver
from limacore.hostagent import port
from limacore.hostagent.setup import Prepared, write_ssh_config
from limacore.model.config import Config, PortForward
from limacore.model.guest import PowerOff
from limacore.paths import HomePaths
from tests.unit.hostagent.stub import StubGuest, running
from tests.vzrecorder import Recorder


class VzGuest(StubGuest):
    """The guest behind the recorder; it powers off when its agent is told to."""

    def __init__(self, home: HomePaths) -> None:
        super().__init__(home, Config(vm_type="vz", arch=host_arch(), mount_type="virtiofs", memory="1GiB"))
        self.paths.disk.write_bytes(bytes(4096))
        self.paths.cidata.touch()
        self.recorder = Recorder()
        self._loop = asyncio.get_running_loop()

    async def prepared(self, *rules: PortForward) -> Prepared:
        found = await super().prepared(*rules)
        self.recorder.ports = {22: lambda: socket.create_connection(("127.0.0.1", self.ssh_port())), 2222: self._open}
        changed = replace(found, spec=replace(found.spec, ssh_port=port.pick(0)))
        write_ssh_config(changed)
        return changed

    def _open(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        asyncio.run_coroutine_threadsafe(self._serve(theirs), self._loop)
        return ours

    async def _serve(self, sock: socket.socket) -> None:
        await self.serve(*await asyncio.open_connection(sock=sock))

    def run(self, spec: MachineSpec, log: Log) -> AbstractAsyncContextManager[Machine]:  # type: ignore[override]
        self.machine = self  # type: ignore[assignment]
        return VzDriver(lambda: self.recorder, Path("/nowhere")).run(spec, log)

    def end(self) -> None:
        """Told by the guest agent to power off."""
        self.recorder.ended("")


async def test_a_boot_over_vsocks_and_an_ordered_end(lima_home: Path) -> None:
    guest = VzGuest(HomePaths(lima_home))
    async with running(guest) as run:
        await guest.boot()
        event = await run.until_running()
        assert not event.status.degraded
        assert guest.paths.driver_pid("vz").exists()
        status = run.agent.status(False)
        assert (status.phase, status.accel, status.machine) == ("running", "hvf", "vz · 1 cpu")
        said = [line["msg"] for line in run.log()]
        assert f"127.0.0.1:{run.agent.prepared.spec.ssh_port} leads to vsock port 22" in said
        run.agent.power.signalled(signal.SIGINT)
        await run.until(lambda: run.events()[-1].status.exiting)
        assert not run.events()[-1].status.errors
    assert PowerOff() in guest.got
    assert "vz has exited" in [line["msg"] for line in run.log()]
    assert "VZVirtualMachine.stopWithCompletionHandler_(handler)" not in guest.recorder.lines
    left = {path.name for path in guest.paths.dir.iterdir() if path.suffix in (".pid", ".sock")}
    assert left == set()


async def test_a_crash_is_told_in_the_words_of_the_framework(lima_home: Path) -> None:
    guest = VzGuest(HomePaths(lima_home))
    async with running(guest) as run:
        await guest.boot()
        await run.until_running()
        guest.recorder.ended("The virtual machine stopped unexpectedly.")
        last = await run.until(lambda: run.events()[-1] if run.events()[-1].status.exiting else None)
    assert last.status.errors == (
        "the virtual machine ended unexpectedly (exit status 1): The virtual machine stopped unexpectedly.",)


async def test_a_guest_without_an_agent_gets_the_power_button_and_is_then_ended(lima_home: Path) -> None:
    guest = VzGuest(HomePaths(lima_home))
    asked = "VZVirtualMachine.requestStopWithError_(None)"
    async with running(guest) as run:
        guest.recorder.ports.pop(2222)
        await run.until(lambda: guest.paths.driver_pid("vz").exists())
        run.agent.power.signalled(signal.SIGINT)
        await run.until(lambda: asked in guest.recorder.lines)
        run.agent.power.signalled(signal.SIGINT)
        await run.until(lambda: run.events()[-1].status.exiting)
    assert guest.recorder.lines.count("VZVirtualMachine.stopWithCompletionHandler_(handler)") == 1
