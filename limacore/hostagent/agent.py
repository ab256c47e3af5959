"""A host agent: one machine from its launch to its end, as one task group; the text has the order of a boot."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any

from limacore.base.log import JsonLog
from limacore.base.picture import Pixels
from limacore.drivers.base import Driver, Machine
from limacore.errors import DriverError, GuestError, LimaError, ResumeError
from limacore.forward.forwarder import Forwarder
from limacore.hostagent import changes, guestlink, handover, requirements, serialwatch
from limacore.hostagent.api import systemd_unit
from limacore.hostagent.emit import Emitter
from limacore.hostagent.facts import Facts
from limacore.hostagent.guestlink import GuestLink
from limacore.hostagent.machines import Pictured, cause, ending
from limacore.hostagent.messages import OVER_SSH, Messages
from limacore.hostagent.mounting import Mounting
from limacore.hostagent.power import Power
from limacore.hostagent.setup import Prepared, with_other_port
from limacore.hostagent.sshlink import SshLink
from limacore.hostagent.steering import Steering, watch_machine
from limacore.hostagent.troubles import Troubles
from limacore.hostagent.usernet import UserNet
from limacore.model.agentstatus import AgentStatus, HostInfo
from limacore.model.boot import Boot
from limacore.model.guest import Ask, FromGuest, Hello, Ports
from limacore.store import boots

AGENT_TIME = 60.0
"""Seconds to wait for the guest agent after all else is ready; without it the instance is degraded."""


class Agent:
    """One run of one instance. `run` does it all; the other methods answer clients meanwhile."""

    def __init__(self, prepared: Prepared, driver: Driver, power: Power, emit: Emitter, log: JsonLog) -> None:
        self.prepared = prepared
        self.config = prepared.spec.config
        self.log = log
        self.emit = emit
        self.facts = Facts()
        self.power = power
        self.phase = "starting"
        self.errors: tuple[str, ...] = ()
        self.ready_seconds = 0.0
        self._driver = driver
        self._machine: Machine | None = None
        self._started_at = self._boot_began = 0.0
        self._troubles = Troubles(log)
        self._console = prepared.spec.paths.console_log(self.config.vm_type)
        self.forwarder = Forwarder(prepared.table, emit.port, log, sockets=not self.config.plain,
                                   tunnel=prepared.spec.paths.ga_udp_sock)
        self.messages = Messages(prepared.iid, emit, self.facts, self.forwarder, log)
        self.link = GuestLink(self._from_guest, log)
        self.mounting = Mounting(self.config, log)
        self.steering = Steering(prepared, emit, log, lambda: self.ssh.hang_up(), lambda: self.phase == "running",
                                 power.leave)
        self.ssh = SshLink(prepared, emit, self.facts, self.forwarder, self.link, self.mounting,
                           self.messages.edits, self.steering.halt, log)

    def info(self) -> HostInfo:
        """For `/v1/info`."""
        return HostInfo(systemd_unit(), self.prepared.spec.ssh_port)

    def status(self, metrics: bool) -> AgentStatus:
        """For `/v1/limatui/status`."""
        if metrics and self.facts.known("agent"):
            self.link.want_metrics()
        return AgentStatus(
            phase=self.steering.phase(self.phase), phase_detail=self.steering.detail or self._detail(),
            steps=self.emit.steps(), forwards=self.forwarder.current(),
            accel=self._machine.accel if self._machine else "",
            machine=self._machine.description if self._machine else "",
            started_at=self._started_at, ready_seconds=self.ready_seconds, agent=self._agent_word(),
            clock_skew_ms=self.messages.skew_ms, metrics=self.messages.metrics, errors=self.errors,
            mounts=self.mounting.current(),
        )  # fmt: skip

    async def pixels(self) -> Pixels | None:
        """For `/v1/screenshot`; None when the driver cannot. Raises StateError without a display, DriverError."""
        return await self._machine.pixels() if isinstance(self._machine, Pictured) else None

    async def run(self) -> None:
        """Run the machine until it ends or a signal asks; the last event is `exiting`."""
        try:
            async with self._launched() as machine:
                self._machine, self._started_at = machine, self._boot_began
                await self._attend(machine)
        except ResumeError:
            self.emit.forget_steps()  # a boot takes its place: this is no end
            raise
        except LimaError as error:
            await self._end(str(error))
            raise
        except BaseException:
            await self._end()
            raise
        await self._end()

    async def _end(self, *errors: str) -> None:
        self.errors = (*self.errors, *errors)
        await handover.delete_copies(self.config, self.log)
        self.emit.fail_active("the machine has ended")
        self.emit.exiting(self.errors)

    @contextlib.asynccontextmanager
    async def _launched(self) -> AsyncIterator[Machine]:
        """The machine; when a stranger took the chosen port between our look and QEMU's, with another one."""
        self.emit.begin("firmware", "loading its memory" if self.prepared.resumed else "")
        self._boot_began = time.time()
        for chances in (2, 1, 0):
            entered = False
            try:
                async with self._driver.run(self.prepared.spec, self.log) as machine:
                    entered = True
                    yield machine
                    return
            except DriverError as error:
                other = str(self.prepared.spec.ssh_port) not in str(error)
                if entered or not chances or self.config.ssh.local_port or other:
                    raise
                self.log("warning", f"{error.message}; trying another ssh port")
                self._take_another_port()

    def _take_another_port(self) -> Prepared:
        self.ssh.prepared = self.prepared = with_other_port(self.prepared)
        return self.prepared

    def _tell_another_port(self) -> Prepared:
        self._take_another_port()
        self.emit.booting(self.prepared.spec.ssh_port)
        return self.prepared

    async def _attend(self, machine: Machine) -> None:
        self.emit.booting(self.prepared.spec.ssh_port)
        self.steering.attend(machine)
        await self.steering.go_on(machine)
        async with asyncio.TaskGroup() as group:
            lasting = [group.create_task(each) for each in (
                *(() if self.config.plain else self._guest_agent()),
                changes.forward(self.config, self.link, self.log),
                UserNet(self.prepared, self._tell_another_port, self.log).attend(),
                self.forwarder.run(), watch_machine(machine, self._from_machine),
                serialwatch.watch_panic(self._console, self.steering.panicked), self._boots(),
            )]
            await self.power.until_end_or_signal(machine)
            self._say_why(machine)
            if not self.messages.over_ssh:
                lasting.pop().cancel()
            self.ssh.leaving = True
            self.log("info", "Shutting down the host agent")
            self.mounting.say_goodbye()
            if self.steering.saved:
                await self.steering.switch_off(machine)
            else:
                await self.steering.wake()
                if self.steering.panic:
                    self.power.insist()  # nobody is there who could shut the guest down
                await self.power.shut_down(machine, self.link, self.emit)
            for task in lasting:
                task.cancel()

    def _guest_agent(self) -> tuple[Coroutine[Any, Any, None], ...]:
        path = self.prepared.spec.paths.ga_sock
        return guestlink.keep_talking(self.link, path, self._silent), self.link.keep_clock()

    def _say_why(self, machine: Machine) -> None:
        booted = self.phase == "running"
        self.phase = "stopping"
        if not machine.exited.done():
            return
        how = machine.exited.result()
        crash = f"Driver stopped due to error: `{ending(how)}`"
        self.log("info", crash if how.code else "The guest powered itself off")
        if how.code or not booted:
            self.errors = (cause(how),)
            self.log("warning", self.errors[0])

    async def _boots(self) -> None:
        """Each boot of the guest while the machine runs: the first, and one for every reset."""
        while True:
            async with asyncio.TaskGroup() as group:
                boot = [
                    group.create_task(self.ssh.keep()),
                    group.create_task(self._watch_serial()),
                    group.create_task(self._bring_up()),
                ]
                await self.messages.rebooted.wait()
                self.messages.rebooted.clear()
                for task in boot:
                    task.cancel()
            self._begin_anew()

    def _begin_anew(self) -> None:
        self.log("info", "the guest boots again")
        self.phase, self._boot_began = "starting", time.time()
        self.emit.forget_steps()
        self.emit.begin("firmware")
        self.forwarder.clear()
        self.mounting.forget()
        self.messages.after_reboot()

    async def _watch_serial(self) -> None:
        await serialwatch.watch(self._console, self.messages.reached,
                                lambda: not self.facts.known("sshd") and not self.facts.known("agent"))

    async def _bring_up(self) -> None:
        if self.config.plain:
            self.log("info", requirements.PLAIN)
        errors: list[str] = []
        plan = requirements.plan(self.config, self.prepared.iid, containerd=self.prepared.containerd)
        for group, wanted in itertools.groupby(plan, lambda each: each.requirement.group):
            errors += await self._meet_all(wanted)
            if group == ("essential" if self.mounting.by_ssh else "final"):
                errors += await self.mounting.settle()
        errors += await self.ssh.copy_to_host()
        self._ready(tuple(errors))
        await self.steering.tidy()

    async def _meet_all(self, wanted: Iterable[requirements.Numbered]) -> list[str]:
        errors = []
        for each in wanted:
            if error := await self._meet(each):
                errors.append(error)
                if each.requirement.fatal:
                    break
        return errors

    async def _meet(self, numbered: requirements.Numbered) -> str:
        """Meet one requirement; what went wrong, or nothing."""
        wanted = numbered.requirement
        if wanted.group == "final" and not self.config.plain and not await self._agent_alive():
            self.log("warning", "the guest agent does not answer: ports are not forwarded")
        self.log("info", f"Waiting for the {numbered.label}: `{wanted.description}`")
        try:
            await self.ssh.meet(wanted)
        except GuestError as error:
            text = f"the {numbered.label} (`{wanted.description}`) {error.message}"
            self.log("error", text, error=error.detail, hint=wanted.hint)
            return f"{text}: {error.detail}{f' (hint: {wanted.hint})' if wanted.hint else ''}"
        self.log("info", f"The {numbered.label} is satisfied")
        return ""

    async def _agent_alive(self) -> bool:
        if self.facts.known("agent"):
            return True
        self.log("info", "Waiting for the guest agent to be running")
        return await self.facts.wait("agent", AGENT_TIME)

    def _ready(self, errors: tuple[str, ...]) -> None:
        if self.phase == "stopping":
            return
        if not self.config.plain and not self.facts.known("agent"):
            errors = (*errors, "guest agent does not seem to be running; port forwards will not work")
            self.emit.failed("agent", "no answer")
        self.ready_seconds = round(time.time() - self._boot_began, 3)
        self.phase, self.errors = "running", errors
        self.emit.done("scripts")
        self.emit.done("ready")
        self.emit.running(self.prepared.spec.ssh_port, errors)
        self.link.set_clock()
        accel = self._machine.accel if self._machine else ""
        boots.add(self.prepared.spec.paths, Boot(self._boot_began, self.ready_seconds, self.emit.steps(), accel))

    def _from_machine(self, name: str, data: dict[str, Any]) -> None:
        self.steering.from_machine(name, data)
        self._troubles.take(name, data)
        if name == "RESET" and data.get("guest"):
            self.messages.note_reset()
        elif name == "RESUME":
            self.link.set_clock()

    def _from_guest(self, message: FromGuest) -> None:
        self.messages.take(message)
        if isinstance(message, Ports) and self.forwarder.wants_all():
            self.link.send(Ask("ports"))
        if not isinstance(message, Hello):
            return
        if self.phase == "stopping":
            self.link.power_off()
        elif self.phase == "running" or self.prepared.resumed:
            self.link.set_clock()

    async def _silent(self) -> None:
        if self.facts.known("agent") and self.phase != "stopping":
            self.facts.forget("agent")
            self.emit.agent("silent")

    def _agent_word(self) -> str:
        if self.facts.known("agent"):
            return OVER_SSH if self.messages.over_ssh else "answering"
        return "silent" if self.steering.phase(self.phase) == "running" and not self.config.plain else ""

    def _detail(self) -> str:
        active = next((step for step in self.emit.steps() if step.state == "active"), None)
        if self.phase == "running" or active is None:
            return ""
        return f"{active.name}: {active.detail}" if active.detail else active.name
