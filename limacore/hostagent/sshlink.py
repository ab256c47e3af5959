"""The one ssh connection to the guest: made as soon as its server answers, made again when it breaks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from limacore.errors import GuestError
from limacore.forward.forwarder import Forwarder
from limacore.hostagent import cloudinit, editing, handover, overssh
from limacore.hostagent.emit import Emitter
from limacore.hostagent.facts import Facts
from limacore.hostagent.guestlink import GuestLink, keep_talking
from limacore.hostagent.halt import Halt
from limacore.hostagent.mounting import Mounting
from limacore.hostagent.requirements import QUICK, SLOW, Requirement, command, until_true
from limacore.hostagent.setup import Prepared
from limacore.ssh import banner
from limacore.ssh.master import Master, master
from limacore.ssh.mux import Address, MuxError

Log = Callable[[str, str], None]
PATIENCE = 8.0
"""Seconds after the login in which a guest agent should have spoken; then scripts ask what it would have told."""

ASK, LONGEST_PAUSE = 3.0, 30.0
"""Seconds without an agent after which a login is used to look whether there can be one at all; they double."""

PROBE_PAUSE, PROBE_TIME = 0.5, 1.0
"""Seconds between looks at the ssh port, and for how long one waits for the banner."""

TRUST_AGENT = 10.0
"""Seconds that an answering agent is trusted to tell when the ssh server listens."""

_LASTED = 10.0
"""Seconds of a connection whose end is an accident; a guest that hangs up after each login is waited for."""

LOOK, ASLEEP = 20.0, 5.0
"""Seconds between looks at the master, and what a look may be late before it counts as a sleep of the host."""

SCRIPT_TIME = 60.0
RESUMED_TIME = 20.0
"""Seconds that a guest which goes on has to show that the connection still leads to it."""

_WHO = """\
if [ -S {socket} ]; then echo agent
elif command -v python3 >/dev/null && [ ! -e /run/lima-boot-done ]; then echo later
else echo nobody; fi
"""
"""Who is there to tell of the guest; a guest with Python gets an agent while it boots."""

AGENT_SOCKET = "/run/lima-guestagent.sock"


class SshLink:
    """Keeps a master for as long as the guest runs, and meets requirements over it."""

    def __init__(self, prepared: Prepared, emit: Emitter, facts: Facts, forwarder: Forwarder, link: GuestLink,
                 mounting: Mounting, edits: editing.Wanted, halt: Halt, log: Log) -> None:
        self.prepared = prepared
        self._emit = emit
        self._facts = facts
        self._forwarder = forwarder
        self._link = link
        self._mounting = mounting
        self._edits = edits
        self._halt = halt
        self._log = log
        self._master: Master | None = None
        self.leaving = False
        """Whether the guest goes down, and the connection with it."""
        self._cloud_init = cloudinit.Follower(emit.cloud_init)

    async def keep(self) -> None:
        """Log in, serve, and begin again when the connection is gone; until cancelled."""
        await self._server_answers()
        self._emit.note("ssh", "logging in")
        pause = QUICK
        while True:
            await self._halt.over()
            began = time.monotonic()
            try:
                await self._serve()
                if self.leaving:
                    return
            except GuestError as error:
                self._log("debug", f"ssh: {error}")
                self._emit.note("ssh", str(error)[:200])
            pause = QUICK if time.monotonic() - began > _LASTED else min(pause * 1.5, SLOW)
            await asyncio.sleep(pause)

    async def meet(self, wanted: Requirement) -> None:
        """Wait until it is true, by what the agent tells or by its script; raises GuestError after ten minutes."""
        if wanted.fact and not wanted.script:
            if not await self._facts.wait(wanted.fact, 600.0):
                raise GuestError("was not met within 600 s", detail=self._ssh_detail())
            return
        told = asyncio.create_task(self._facts.wait(wanted.fact)) if wanted.fact else None
        asked = asyncio.create_task(self._by_script(wanted))
        both = {task for task in (told, asked) if task}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if asked.done():
                asked.result()
        finally:
            for task in both:
                task.cancel()

    async def _by_script(self, wanted: Requirement) -> None:
        if wanted.fact and not self.prepared.spec.config.plain:
            await self._facts.wait("master")
            await self._facts.wait("agent", PATIENCE)
            # An agent is the better witness: a script costs the guest another session. After the boot it tells no more.
            await self._facts.wait_first("boot", absent="agent")
        await until_true(lambda: self._try(wanted), once=wanted.fatal)

    async def _try(self, wanted: Requirement) -> str:
        await self._facts.wait("master")
        if self._master is None:
            return "there is no ssh connection"
        try:
            result = await self._master.run(command(wanted.script), wanted.script, SCRIPT_TIME)
        except MuxError as error:
            return str(error)
        return "" if result.code == 0 else f"exit code {result.code}: {result.stderr.strip()[-500:]}"

    async def _server_answers(self) -> None:
        probing = asyncio.create_task(self._probe())
        try:
            await self._facts.wait("sshd")
        finally:
            probing.cancel()

    async def _probe(self) -> None:
        """For guests without an agent. Each banner costs an emulated guest a process, so an agent is waited for."""
        while True:
            if self._facts.known("agent"):
                await asyncio.sleep(TRUST_AGENT)
            if await banner.answers(self.prepared.spec.ssh_port, PROBE_TIME):
                self._facts.learn("sshd")
                return
            await asyncio.sleep(PROBE_PAUSE)

    async def _serve(self) -> None:
        spec = self.prepared.spec
        async with master(self.prepared.ssh_options, spec.ssh_port, spec.paths.ssh_sock) as connection:
            self._master = connection
            self._emit.done("ssh")
            self._facts.learn("master")
            self._forwarder.attach(connection)
            beside = (asyncio.create_task(self._talk_by_ssh(connection)),
                      asyncio.create_task(self._mounting.keep(connection)),
                      asyncio.create_task(editing.attend(connection, spec.config, self._edits, self._log)),
                      asyncio.create_task(self._watch(connection)),
                      asyncio.create_task(self._follow_cloud_init(connection)),
                      asyncio.create_task(self._lend_agent(connection)))
            try:
                await connection.ended
                if self.leaving:
                    pass
                elif self._halt.reason is None:
                    self._log("warning", "the ssh connection to the guest is gone; logging in again")
                else:
                    self._log("info", "the ssh connection to the guest is gone; made again when the machine goes on")
            finally:
                for task in beside:
                    task.cancel()
                self._master = None
                self._facts.forget("master")
                self._forwarder.attach(None)

    async def _follow_cloud_init(self, connection: Master) -> None:
        if self.prepared.progress and not self.prepared.spec.config.plain:
            await self._cloud_init.follow(connection)

    def hang_up(self) -> None:
        """Close the connection, so that the guest sees its end."""
        if self._master:
            self._master.hang_up()

    async def copy_to_host(self) -> tuple[str, ...]:
        """Copy out what `copyToHost` names; what went wrong."""
        return await handover.copy_all(self.prepared.spec.config, self._master, self._log)

    async def _lend_agent(self, connection: Master) -> None:
        config = self.prepared.spec.config
        if config.ssh.forward_agent and not config.plain:
            await self._facts.wait("boot")
            await handover.lend_agent(connection, self._log)

    async def _watch(self, connection: Master) -> None:
        """End a master that hangs, so that another takes its place; after a sleep of the host set the guest's clock."""
        before = awake()
        while True:
            resumed = await self._halt.resumed_within(LOOK)
            slept, before = awake() - before - LOOK, awake()
            if slept > ASLEEP:
                self._log("info", f"this computer or this process slept for {slept:.0f} s; looking after the guest")
                self._link.set_clock()
            if self._halt.reason is not None:
                continue
            try:
                # The master itself answers without the guest, whose end may be gone after it stood still.
                await (connection.run("true", timeout=RESUMED_TIME) if resumed else connection.alive())
            except (MuxError, TimeoutError):
                self._log("warning", "the ssh connection to the guest hangs; making another one")
                connection.kill()
                return

    async def _talk_by_ssh(self, connection: Master) -> None:
        """When no agent speaks on the virtio port, look for one in the guest; where none can run, speak for it."""
        if self.prepared.spec.config.plain:
            return
        pause = ASK
        while True:
            if await self._facts.wait("agent", pause):
                await self._facts.wait_absent("agent")
                pause = ASK
                continue
            pause = min(2 * pause, LONGEST_PAUSE)
            try:
                await self._stand_in(connection)
            except MuxError as error:
                self._log("debug" if self.leaving else "warning", f"cannot reach the guest agent over ssh: {error}")
                await asyncio.sleep(SLOW)
            finally:
                if not self._link.answered.is_set():
                    self._facts.forget("agent")

    async def _stand_in(self, connection: Master) -> None:
        found = (await connection.run("/bin/sh", _WHO.format(socket=AGENT_SOCKET))).stdout.strip()
        if found == "agent":
            await self._through_socket(connection)
        elif found == "nobody":
            self._log("info", "There is no guest agent: what it would tell is asked over ssh")
            await overssh.attend(connection, self._link)

    async def _through_socket(self, connection: Master) -> None:
        path = self.prepared.spec.paths.ga_ssh_sock
        path.unlink(missing_ok=True)
        self._log("info", f"Forwarding `{AGENT_SOCKET}` (guest) to `{path}` (host)")
        try:
            await connection.open_forward(Address(str(path)), Address(AGENT_SOCKET))
            await keep_talking(self._link, path, _nothing)
        finally:
            path.unlink(missing_ok=True)

    def _ssh_detail(self) -> str:
        step = next((step for step in self._emit.steps() if step.name == "ssh"), None)
        return step.detail if step else ""


def awake() -> float:
    """Seconds on a clock that goes on while the computer sleeps, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


async def _nothing() -> None:
    return
