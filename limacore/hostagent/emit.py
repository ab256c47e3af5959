"""Events of this agent: lines of `ha.stdout.log`, and the boot steps as they stand now.

As in the reference tool, an event about one thing repeats the complete status before it; `booting`, `running` and
`exiting` begin anew. Our own members (step, script, agent, machine) are not repeated."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from limacore.base.log import rfc3339_nano, write
from limacore.model.event import (
    BOOT_STEPS,
    AgentEvent,
    CloudInitProgress,
    Event,
    EventStatus,
    MachineEvent,
    PortForwardEvent,
    ScriptEvent,
    StepEvent,
)
from limacore.model.instance import Step

_ESCAPED = ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026"))


def encode(event: Event) -> bytes:
    """One line without its newline; `<`, `>` and `&` escaped as Go does."""
    line = msgspec.json.encode(event)
    for plain, escaped in _ESCAPED:
        line = line.replace(plain, escaped)
    return line


def last_words(event: ScriptEvent) -> str:
    """The last line that a script has printed."""
    return event.output.rsplit("\n", 1)[-1]


def failure(event: ScriptEvent) -> str:
    """What a script ended with and the last that it said; empty when it went well."""
    last = last_words(event)
    return f"exit code {event.exit_code}{f': {last}' if last else ''}" if event.exit_code else ""


def _place(name: str, order: dict[str, int]) -> float:
    """Scripts of the user stand below the step in which they run."""
    return order["scripts"] + 0.5 if name.startswith("script ") else len(order)


class Emitter:
    """Writes events to `fd` and keeps what a later event or a client needs of them."""

    def __init__(self, fd: int = 1, now: Callable[[], int] = time.time_ns) -> None:
        self._fd = fd
        self._now = now
        self._status = EventStatus()
        self._steps: dict[str, Step] = {}
        self._began: dict[str, int] = {}

    def booting(self, ssh_port: int) -> None:
        """The machine was launched."""
        self._base(EventStatus(ssh_local_port=ssh_port))

    def running(self, ssh_port: int, errors: tuple[str, ...] = ()) -> None:
        """Every requirement was met, or with errors: as good as it gets."""
        self._base(EventStatus(running=True, degraded=bool(errors), errors=errors, ssh_local_port=ssh_port))

    def exiting(self, errors: tuple[str, ...] = ()) -> None:
        """The last event."""
        self._base(EventStatus(exiting=True, errors=errors))

    def port(self, event: PortForwardEvent) -> None:
        """A port of the guest came, went or could not be forwarded."""
        self._status = replace(self._status, port_forward=event)
        self._write(self._status)

    def cloud_init(self, progress: CloudInitProgress) -> None:
        """cloud-init of the guest came further."""
        self._status = replace(self._status, cloud_init_progress=progress)
        self._write(self._status)

    def script(self, event: ScriptEvent) -> None:
        """A script of the guest began or ended; each entry of `provision` is a step as well."""
        self._write(replace(self._status, script=event))
        if not event.provision:
            return
        name = f"script {event.provision}"
        if event.exit_code is None:
            self.begin(name)
        else:
            self._step(Step(name, "failed" if event.exit_code else "done", failure(event), event.seconds))

    def agent(self, state: str, skew_ms: float | None = None) -> None:
        """The guest agent answered or fell silent."""
        self._write(replace(self._status, agent=AgentEvent(state, skew_ms)))

    def machine(self, state: str, detail: str = "") -> None:
        """The machine stands still, goes on, or its guest's kernel gave up."""
        self._write(replace(self._status, machine=MachineEvent(state, detail)))

    def begin(self, name: str, detail: str = "") -> None:
        """Boot step `name` is active; nothing happens when it is already or was done."""
        if name not in self._steps:
            self._began[name] = self._now()
            self._step(Step(name, "active", detail))

    def note(self, name: str, detail: str) -> None:
        """What an active step is at."""
        step = self._steps.get(name)
        if step and step.state == "active" and step.detail != detail:
            self._step(replace(step, detail=detail, seconds=self._seconds(name)))

    def done(self, name: str, detail: str = "") -> None:
        """Boot step `name` is finished; one that never began took no time."""
        self._end(name, "done", detail)

    def failed(self, name: str, detail: str) -> None:
        """Boot step `name` failed."""
        self._end(name, "failed", detail)

    def fail_active(self, detail: str) -> None:
        """Whatever is active failed."""
        for step in list(self._steps.values()):
            if step.state == "active" and step.name != "stop":
                self.failed(step.name, detail)

    def forget_steps(self) -> None:
        """The guest boots again."""
        self._steps.clear()
        self._began.clear()

    def steps(self) -> tuple[Step, ...]:
        """The steps of this boot that have begun, in their order."""
        order = {name: index for index, name in enumerate(BOOT_STEPS)}
        known = sorted(self._steps.values(), key=lambda step: order.get(step.name, _place(step.name, order)))
        return tuple(replace(step, seconds=self._seconds(step.name)) if step.state == "active" else step
                     for step in known)

    def _end(self, name: str, state: str, detail: str) -> None:
        step = self._steps.get(name)
        if step is None or step.state == "active":
            self._step(Step(name, state, detail, self._seconds(name)))

    def _seconds(self, name: str) -> float:
        began = self._began.get(name)
        return round((self._now() - began) / 1e9, 3) if began is not None else 0.0

    def _step(self, step: Step) -> None:
        self._steps[step.name] = step
        self._write(replace(self._status, step=StepEvent(step.name, step.state, step.detail, step.seconds)))

    def _base(self, status: EventStatus) -> None:
        self._status = status
        self._write(status)

    def _write(self, status: EventStatus) -> None:
        write(self._fd, encode(Event(rfc3339_nano(self._now()), status)))
