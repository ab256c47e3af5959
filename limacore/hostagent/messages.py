"""What a message of the guest agent means for the boot, the forwards and the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from limacore.base.allowance import Allowance
from limacore.forward.forwarder import Forwarder
from limacore.guest.overssh import SOURCE
from limacore.hostagent import editing
from limacore.hostagent.emit import Emitter, last_words
from limacore.hostagent.facts import Facts
from limacore.model.event import ScriptEvent
from limacore.model.guest import BootProgress, Clock, FromGuest, Hello, Metrics, Note, Port, Ports

Log = Callable[[str, str], None]
SESSION_SCRIPT = "07-etc-environment"
"""The boot script after which the session environment of the user is complete."""

OVER_SSH = "over ssh"
"""What such an agent is called."""

_DONE_BY = {"30-install-packages": "sshfs", "35-setup-packages": "fuse"}
"""Boot scripts whose good end makes something true."""

_NOTES = 100
"""Lines of the agent that reach our log in one boot."""

_REBOOTS, _CLOCKS = (5, 1 / 20), (5, 1 / 120)
"""How many new boots and changes of the clock are believed or told at once, and for each second."""

_LONGEST_NAME = 200
_LONGEST_OUTPUT = 4000
_MOST_SCRIPTS = 1000
"""What is kept of a guest's story of its boot."""

_BEFORE_AGENT = ("firmware", "kernel", "init")


class Messages:
    """Turns messages into facts and events; keeps the newest metrics and clock skew."""

    def __init__(self, iid: str, emit: Emitter, facts: Facts, forwarder: Forwarder, log: Log) -> None:
        self.metrics: Metrics | None = None
        self.skew_ms: float | None = None
        self.over_ssh = False
        """Whether it is a shell that speaks, over the ssh connection."""
        self.rebooted = asyncio.Event()
        self.edits: asyncio.Queue[int] = asyncio.Queue()
        """Numbers of the entries of `provision` for whose edit by us the guest waits."""
        self._iid = iid
        self._emit = emit
        self._facts = facts
        self._forwarder = forwarder
        self._log = log
        self._boot_id = ""
        self._notes = 0
        self._failed: list[str] = []
        self._seen: set[tuple[str, str]] = set()
        self._foreign, self._clocks = Allowance(*_CLOCKS), Allowance(*_CLOCKS)
        self._reboots = Allowance(*_REBOOTS, lambda: log(
            "warning", "the guest agent tells of one boot after another; not each is believed"))

    def take(self, message: FromGuest) -> None:
        """Act on one message."""
        match message:
            case Hello():
                self._hello(message)
            case BootProgress():
                self._progress(message)
            case Ports():
                self._ports(message)
            case Metrics():
                self.metrics = message
            case Clock():
                self._clock(message)
            case Note():
                self._note(message)

    def reached(self, phase: str) -> None:
        """The console showed that `kernel` or `init` began."""
        earlier = _BEFORE_AGENT[: _BEFORE_AGENT.index(phase)]
        for name in earlier:
            self._emit.done(name)
        self._emit.begin(phase)
        if phase == "init":
            self._emit.begin("ssh", "waiting for the ssh server")
            self._emit.begin("agent", "waiting for its first word")

    def note_reset(self) -> None:
        """The machine was reset. In the firmware's own time it may do that without it being a reboot."""
        if self._facts.known("agent") or self._facts.known("sshd"):
            self._facts.forget()
            self.rebooted.set()

    def after_reboot(self) -> None:
        """Nothing of the earlier boot holds."""
        self.metrics = None
        self._notes = 0
        self._failed.clear()
        self._seen.clear()
        if self._facts.known("agent"):
            self._booted_to_agent()

    def _hello(self, hello: Hello) -> None:
        if hello.iid and hello.iid != self._iid and self._foreign.take():
            self._log("debug", f"the guest agent has not seen this boot's seed yet ({hello.iid[:64]!r})")
        again = bool(self._boot_id) and hello.boot_id != self._boot_id and self._facts.known("sshd")
        if again and not self._reboots.take():
            return
        self._boot_id = hello.boot_id
        first = not self._facts.known("agent")
        self.over_ssh = hello.port_source == SOURCE
        self._facts.learn("agent")
        if again:
            self._facts.forget("sshd", "master", "session", "sshfs", "fuse", "boot")
            self.rebooted.set()
            return
        if first:
            self._booted_to_agent()
            source = f", ports by {hello.port_source[:20]}" if hello.port_source else ""
            self._log("info", f"Guest agent is running (kernel {hello.kernel[:80]}{source})")
            self._emit.agent(self._word())

    def _booted_to_agent(self) -> None:
        for name in _BEFORE_AGENT:
            self._emit.done(name)
        self._emit.begin("ssh", "waiting for the ssh server")
        self._emit.done("agent")
        self._emit.begin("scripts")

    def _progress(self, progress: BootProgress) -> None:
        step = (progress.state, progress.name[:_LONGEST_NAME])
        if step in self._seen or len(self._seen) > 2 * _MOST_SCRIPTS:
            return  # the agent tells the whole story again after each hello
        self._seen.add(step)
        progress = replace(progress, name=step[1])
        if progress.state == "ready":
            self._boot_ready(progress)
        elif progress.state == "start":
            self._emit.begin("scripts")
            self._emit.note("scripts", progress.name)
            self._emit.script(ScriptEvent(progress.name))
            self._wanted_edit(progress.name)
        elif progress.state == "end":
            self._script_ended(progress)

    def _wanted_edit(self, name: str) -> None:
        number = name.removeprefix(editing.FOLDER)
        if name.startswith(editing.FOLDER) and number.isdecimal():
            self.edits.put_nowait(int(number))

    def _script_ended(self, progress: BootProgress) -> None:
        event = ScriptEvent(progress.name, progress.seconds, progress.exit_code, progress.output[-_LONGEST_OUTPUT:])
        self._emit.script(event)
        if progress.exit_code:
            self._failed.append(progress.name)
            last = f": {words}" if (words := last_words(event)) else ""
            self._log("warning",
                      f"the script `{progress.name}` of the guest ended with code {progress.exit_code}{last}")
        if SESSION_SCRIPT in progress.name:
            self._facts.learn("session")
        for script, fact in _DONE_BY.items():
            if script in progress.name and not progress.exit_code:
                self._facts.learn(fact)

    def _boot_ready(self, progress: BootProgress) -> None:
        if progress.iid != self._iid:
            self._seen.discard((progress.state, progress.name))
            if self._foreign.take():
                self._log("debug", f"boot scripts of another start have finished: {progress.iid[:64]!r}")
            return
        self._emit.done("scripts", f"{len(self._failed)} failed" if self._failed else "")
        self._facts.learn("session")
        self._facts.learn("boot")

    def _ports(self, message: Ports) -> None:
        if any(_is_ssh(port) for port in message.added):
            self._facts.learn("sshd")
        self._forwarder.ports(message)

    def _clock(self, clock: Clock) -> None:
        self.skew_ms = clock.skew_ms
        if not (clock.error or clock.adjusted) or not self._clocks.take():
            return
        if clock.error:
            self._log("warning", f"Time sync: {clock.error[:200]}")
        else:
            self._log("info", f"Time sync: guest clock adjusted (was {clock.skew_ms:.0f}ms off)")
            self._emit.agent(self._word(), clock.skew_ms)

    def _word(self) -> str:
        return OVER_SSH if self.over_ssh else "answering"

    def _note(self, note: Note) -> None:
        self._notes += 1
        if self._notes <= _NOTES:
            level = note.level if note.level in ("debug", "info", "warning", "error") else "info"
            self._log(level, f"guest agent: {note.message[:1000]}")


def _is_ssh(port: Port) -> bool:
    return port.protocol == "tcp" and port.port == 22 and port.ip in ("0.0.0.0", "::")
