"""The table from facts to status."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.model.event import MachineEvent
from limacore.model.instance import Status, Step
from limacore.store.evidence import summed
from limacore.store.instances import YOUNG, Facts, ProcessFact, Tail, judge

ALIVE = ProcessFact(pid=7, named=7, started_at=1.0, identity="1")
DEAD = ProcessFact(named=7)
STOPPING = Tail(running=True, steps=(Step("ready", "done"), Step("stop", "active")))
BOOTING = Tail(steps=(Step("kernel", "done"), Step("ssh", "active", "2/5")))
RUNNING = Tail(running=True)


def told(state: str, detail: str = "", *, running: bool = True) -> Tail:
    return Tail(running=running, machine=MachineEvent(state, detail))




@pytest.mark.parametrize(
    ("facts", "status", "phase"),
    [
        (Facts(), Status.STOPPED, ""),
        (Facts(agent=DEAD, driver=DEAD), Status.STOPPED, ""),
        (Facts(agent=ProcessFact(named=1, stranger=True)), Status.STOPPED, ""),
        (Facts(ALIVE, ALIVE, socket="answers", tail=RUNNING), Status.RUNNING, ""),
        (Facts(ALIVE, ALIVE, socket="answers", tail=Tail(True, degraded=True)), Status.RUNNING, "degraded"),
        (Facts(ALIVE, ALIVE, socket="unasked", tail=RUNNING), Status.RUNNING, ""),
        (Facts(ALIVE, ALIVE, socket="answers"), Status.STARTING, ""),
        (Facts(ALIVE, ALIVE, socket="answers", tail=BOOTING), Status.STARTING, "ssh 2/5"),
        (Facts(ALIVE, ALIVE, socket="missing", agent_age=1), Status.STARTING, ""),
        (Facts(ALIVE, ALIVE, socket="refused", agent_age=YOUNG + 1), Status.BROKEN, "host agent silent"),
        (Facts(ALIVE, ALIVE, socket="timeout", tail=RUNNING), Status.BROKEN, "host agent silent"),
        (Facts(ALIVE, ALIVE, socket="answers", tail=STOPPING), Status.STOPPING, "stop"),
        (Facts(ALIVE, DEAD, socket="answers", tail=STOPPING), Status.STOPPING, "stop"),
        (Facts(ALIVE, DEAD, socket="answers", tail=Tail(exiting=True)), Status.STOPPING, "stop"),
        (Facts(ALIVE, socket="missing", agent_age=1), Status.STARTING, ""),
        (Facts(ALIVE, socket="answers", agent_age=YOUNG + 1), Status.ORPHAN_AGENT, "host agent without VM"),
        (Facts(ALIVE, DEAD, socket="answers", tail=RUNNING), Status.ORPHAN_AGENT, "host agent without VM"),
        (Facts(DEAD, ALIVE), Status.ORPHAN_QEMU, "VM without host agent"),
        (Facts(suspended=True), Status.SUSPENDED, ""),
        (Facts(agent=DEAD, driver=DEAD, suspended=True), Status.SUSPENDED, ""),
        (Facts(DEAD, ALIVE, suspended=True), Status.ORPHAN_QEMU, "VM without host agent"),
        (Facts(ALIVE, ALIVE, socket="answers", tail=told("paused")), Status.PAUSED, ""),
        (Facts(ALIVE, ALIVE, socket="unasked", tail=told("running")), Status.RUNNING, ""),
        (Facts(ALIVE, ALIVE, socket="answers", tail=told("suspending", "writing")), Status.STOPPING,
         "suspending: writing"),
        (Facts(ALIVE, socket="answers", tail=told("suspended")), Status.STOPPING, "stop"),
        (Facts(ALIVE, ALIVE, socket="timeout", tail=told("paused")), Status.BROKEN, "host agent silent"),
        (Facts(ProcessFact(problem="ha.pid holds `x`")), Status.BROKEN, "unusable pid file"),
    ],
)
def test_status(facts: Facts, status: Status, phase: str) -> None:
    verdict = judge(facts)
    assert (verdict.status, verdict.phase) == (status, phase)
    assert verdict.evidence
    assert bool(verdict.errors) == (status in (Status.BROKEN, Status.ORPHAN_AGENT, Status.ORPHAN_QEMU))


@pytest.mark.parametrize(("state", "status"), [("paused", Status.PAUSED), ("panicked", Status.PANICKED)])
@pytest.mark.parametrize("running", [True, False])
def test_a_machine_that_halted_by_itself_says_why(state: str, status: Status, running: bool) -> None:
    verdict = judge(Facts(ALIVE, ALIVE, socket="answers", tail=told(state, "host disk full", running=running)))
    assert (verdict.status, verdict.phase) == (status, "host disk full")
    assert "host disk full" in verdict.errors[0]
    assert status.limactl_word == "Running"


def test_the_last_word_of_the_hypervisor_counts() -> None:
    paused = _line("2026-01-01T00:00:01Z", running=True, machine={"state": "paused", "detail": "why"})
    after = _line("2026-01-01T00:00:02Z", running=True, step={"name": "ready", "state": "done"})
    again = _line("2026-01-01T00:00:03Z", running=True, machine={"state": "running"})
    assert summed([paused, after], 0).machine == MachineEvent("paused", "why")
    assert summed([paused, after, again], 0).machine == MachineEvent("running")


_STRANGER = ProcessFact(named=3, stranger=True)
_PROCESS = st.sampled_from([ProcessFact(), DEAD, ALIVE, ProcessFact(problem="bad"), _STRANGER])
_TAIL = st.sampled_from([Tail(), RUNNING, BOOTING, STOPPING, Tail(exiting=True)])
_SOCKET = st.sampled_from(["answers", "refused", "missing", "timeout", "unasked"])


@given(st.builds(Facts, agent=_PROCESS, driver=_PROCESS, socket=_SOCKET, tail=_TAIL, agent_age=st.floats(0, 1000)))
def test_every_combination_has_a_status_with_evidence(facts: Facts) -> None:
    verdict = judge(facts)
    assert verdict.evidence
    nothing_runs = not facts.agent.pid and not facts.driver.pid
    assert not (nothing_runs and verdict.status.is_up)


def _line(time: str, **status: object) -> bytes:
    return json.dumps({"time": time, "status": status}).encode()


def test_events_of_earlier_starts_do_not_count() -> None:
    old = _line("2026-01-01T00:00:00.123456789Z", running=True)
    new = _line("2026-01-01T02:00:00.5+01:00", step={"name": "kernel", "state": "active"})
    since = 1767225600.0 + 1800
    assert summed([old], since) == Tail()
    assert summed([old, new], since).steps == (Step("kernel", "active"),)
    assert not summed([old, new], since).running
    later = _line("2026-01-01T01:00:10Z", running=True)
    assert summed([old, new, later], since).ready_seconds == pytest.approx(1810, abs=1)


@given(st.lists(st.binary(max_size=80) | st.text(max_size=40).map(lambda text: _line(text, running=True)), max_size=5))
def test_damaged_events_are_skipped(lines: list[bytes]) -> None:
    assert isinstance(summed(lines, 0.0), Tail)
