"""From evidence to a status: one pure function over what was seen of an instance's processes, socket and events."""

from __future__ import annotations

from msgspec import Struct

from limacore.model.event import MachineEvent
from limacore.model.instance import Status, Step

YOUNG = 60.0
"""Seconds in which a host agent may be without its VM or its socket: it is still preparing."""


class ProcessFact(Struct, frozen=True):
    """What a pid file and the process table say together."""

    pid: int = 0
    """Of a live process that is provably this instance's; else 0."""
    named: int = 0
    """The pid in the file, alive or not; 0 without file."""
    started_at: float = 0.0
    """Seconds since the epoch."""
    identity: str = ""
    """Start time in the kernel's clock: tells a process from a later one with the same pid."""
    problem: str = ""
    """Why the file cannot be used: it holds no number, or cannot be read."""
    stranger: bool = False
    """Whether the pid belongs to another program by now."""


class Tail(Struct, frozen=True):
    """What the events of the current host agent say."""

    running: bool = False
    degraded: bool = False
    exiting: bool = False
    steps: tuple[Step, ...] = ()
    errors: tuple[str, ...] = ()
    ready_seconds: float = 0.0
    machine: MachineEvent = MachineEvent()
    """What the hypervisor told last."""


class Facts(Struct, frozen=True):
    """Everything that was seen at one moment."""

    agent: ProcessFact = ProcessFact()
    driver: ProcessFact = ProcessFact()
    driver_name: str = "qemu"
    socket: str = "missing"
    """Of `ha.sock`: `answers`, `refused`, `missing`, `timeout` or `unasked`."""
    tail: Tail = Tail()
    agent_age: float = 0.0
    """Seconds since the host agent began."""
    suspended: bool = False
    """Whether the machine's memory is kept and its disk is as it was; looked at only without a host agent."""


class Verdict(Struct, frozen=True):
    """The status and what it rests on."""

    status: Status
    evidence: tuple[str, ...] = ()
    phase: str = ""
    errors: tuple[str, ...] = ()


def judge(facts: Facts) -> Verdict:
    """The status that the facts amount to."""
    problems = tuple(each.problem for each in (facts.agent, facts.driver) if each.problem)
    evidence = _evidence(facts)
    if problems:
        return Verdict(Status.BROKEN, evidence, "unusable pid file", problems)
    if facts.agent.pid and facts.driver.pid:
        return _both(facts, evidence)
    if facts.agent.pid:
        return _agent_only(facts, evidence)
    if facts.driver.pid:
        return Verdict(Status.ORPHAN_QEMU, evidence, "VM without host agent",
                       (f"{facts.driver_name} driver is running but host agent is not",))
    if facts.suspended:
        return Verdict(Status.SUSPENDED, (*evidence, "suspended.json says that its memory is kept in its disk"))
    return Verdict(Status.STOPPED, evidence)


def _both(facts: Facts, evidence: tuple[str, ...]) -> Verdict:
    if _is_stopping(facts.tail):
        return Verdict(Status.STOPPING, evidence, _active(facts.tail) or "stop")
    if facts.socket in ("answers", "unasked") and (found := _as_told(facts.tail, evidence)):
        return found
    if facts.socket in ("answers", "unasked"):
        status = Status.RUNNING if facts.tail.running else Status.STARTING
        phase = "degraded" if facts.tail.degraded else ""
        return Verdict(status, evidence, phase if facts.tail.running else _active(facts.tail), facts.tail.errors)
    if not facts.tail.running and facts.agent_age < YOUNG:
        return Verdict(Status.STARTING, evidence, _active(facts.tail))
    reason = {
        "timeout": "the host agent does not answer within 3 s",
        "refused": "the host agent is alive but refuses connections",
        "missing": "the host agent is alive but its socket is gone",
    }[facts.socket]
    return Verdict(Status.BROKEN, evidence, "host agent silent", (reason,))


def _as_told(tail: Tail, evidence: tuple[str, ...]) -> Verdict | None:
    """What the hypervisor says goes before what the host agent thinks of the boot."""
    state, detail = tail.machine.state, tail.machine.detail
    if state == "paused":
        told = (f"paused by QEMU: {detail}",) if detail else ()
        return Verdict(Status.PAUSED, (*evidence, "QEMU says that the machine stands still"), detail, told)
    if state == "suspending":
        return Verdict(Status.STOPPING, evidence, f"suspending: {detail}")
    if state == "panicked":
        return Verdict(Status.PANICKED, (*evidence, "the guest's kernel panicked"), detail,
                       (f"the guest's kernel panicked: {detail}",))
    return None


def _agent_only(facts: Facts, evidence: tuple[str, ...]) -> Verdict:
    if _is_stopping(facts.tail):
        return Verdict(Status.STOPPING, evidence, _active(facts.tail) or "stop")
    if not facts.tail.running and facts.agent_age < YOUNG:
        return Verdict(Status.STARTING, evidence, _active(facts.tail))
    return Verdict(Status.ORPHAN_AGENT, evidence, "host agent without VM",
                   ("host agent is running but driver is not",))


def _is_stopping(tail: Tail) -> bool:
    if tail.exiting or tail.machine.state == "suspended":
        return True
    return any(step.name == "stop" and step.state == "active" for step in tail.steps)


def _active(tail: Tail) -> str:
    """The step that is going on, with its detail."""
    step = next((each for each in reversed(tail.steps) if each.state == "active"), None)
    return f"{step.name} {step.detail}".strip() if step else ""


def _evidence(facts: Facts) -> tuple[str, ...]:
    sentences = [
        _of_process("ha.pid", "host agent", facts.agent),
        _of_process(f"{facts.driver_name}.pid", facts.driver_name, facts.driver),
    ]
    if facts.agent.pid:
        sentences.append(_SOCKET[facts.socket])
        sentences.append(_of_events(facts.tail))
    return tuple(each for each in sentences if each)


_SOCKET = {
    "answers": "ha.sock answers",
    "refused": "ha.sock refuses connections",
    "missing": "ha.sock does not exist",
    "timeout": "ha.sock accepts but does not answer within 3 s",
    "unasked": "",
}


def _of_process(file: str, what: str, fact: ProcessFact) -> str:
    if fact.problem:
        return fact.problem
    if fact.pid:
        return f"{what} process {fact.pid} is alive and names this instance"
    if fact.stranger:
        return f"{file} names process {fact.named}, which is another program"
    return f"{file} names process {fact.named}, which does not exist" if fact.named else f"no {file}"


def _of_events(tail: Tail) -> str:
    if tail.exiting:
        return "ha.stdout.log says that the host agent is exiting"
    if tail.running:
        return "ha.stdout.log has a running event" + (" (degraded)" if tail.degraded else "")
    return "ha.stdout.log has no running event yet"
