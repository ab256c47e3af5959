"""From the logs of one boot to findings: cause, the line that shows it, what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from limacore.diagnosis import agentlog, console
from limacore.diagnosis.agentlog import Heard, Waiting
from limacore.diagnosis.rule import Seen, ending, look, shown
from limacore.model.finding import Finding, Severity

PATIENCE, AGENT_PATIENCE, PROBE_PATIENCE = 25.0, 60.0, 90.0
"""Seconds after which an absence counts: of a word on the console or of an ssh server, of an agent or a login, of a
probe that comes true, which may wait for something to be installed."""
_SHOWN = 300


class Text(Struct, frozen=True):
    """The end of a log: the number of its first line here, and how many seconds ago it was written."""

    name: str
    data: bytes = b""
    first: int = 1
    age: float = 0.0


class Boot(Struct, frozen=True):
    """What is known of one boot. `now` in seconds since the epoch; `up`: the machine runs now."""

    name: str
    program: str = "limatui"
    consoles: tuple[Text, ...] = ()
    agent: Text = Text("ha.stderr.log")
    up: bool = True
    now: float = 0.0


class _Told(Struct, frozen=True):
    id: str
    what: str
    fix: str
    where: str
    words: dict[str, str] = {}
    why: str = ""
    covers: tuple[str, ...] = ()
    severity: Severity = Severity.ERROR


def diagnose(boot: Boot) -> tuple[Finding, ...]:
    """Every cause that the logs name: first what the console shows, then what the agent says."""
    seen = [(text, each) for text in boot.consoles for each in look(text.data, console.RULES)]
    said = agentlog.entries(boot.agent.data, boot.agent.first)
    told = [*(_of_console(text, each) for text, each in seen),
            *(_of_agent(boot.agent.name, each) for each in agentlog.listen(said)),
            *(_absent(boot, agentlog.waiting(said)) if boot.up and not seen else ())]
    covered = {id for each in told for id in each.covers}
    unique = {each.id: each for each in reversed(told) if each.id not in covered}
    return tuple(_finding(boot, each) for each in reversed(unique.values()))


def living(boot: Boot) -> tuple[Finding, ...]:
    """What a console shows of a guest that was ready and is in need now."""
    seen = [(text, each) for text in boot.consoles for each in look(text.data, console.RULES)]
    return tuple(_finding(boot, _of_console(text, each)) for text, each in seen
                 if each.rule.alive or each.rule.id.startswith("guest-"))


def _of_console(text: Text, seen: Seen) -> _Told:
    line = text.first + text.data.count(b"\n", 0, seen.at)
    rule = seen.rule
    return _Told(rule.id, rule.what, rule.fix, f"{text.name}:{line}: {seen.text}", seen.words, rule.why, rule.covers,
                 rule.severity)


def _of_agent(name: str, heard: Heard) -> _Told:
    entry = heard.entry
    where = f"{name}:{entry.line}: {heard.text or entry.text}"
    return _Told(heard.id, heard.what, heard.fix, where, heard.words, heard.why, heard.covers, heard.severity)


def _absent(boot: Boot, waiting: Waiting | None) -> Iterator[_Told]:
    """What does not come: the agent waits, and time goes by."""
    waited = boot.now - waiting.entry.at if waiting else 0.0
    if waiting is None or waited < PATIENCE:
        return
    where = f"{boot.agent.name}:{waiting.entry.line}: {waiting.entry.message}"
    kind, _, wanted = waiting.wanted.partition(" ")
    if waiting.wanted == "essential ssh":
        yield from _no_ssh(boot, where)
    elif "ControlMaster" in wanted and waited > AGENT_PATIENCE:
        yield _Told("ssh-unreachable", "the guest is up, but ssh does not get through to it",
                    "look at its network on its console (key c in the dashboard): ip addr; sudo iptables -L",
                    where, why="eth0 has no address, or a firewall of the guest is in between")
    elif kind == "optional" and waited > PROBE_PATIENCE:
        yield _Told("probe-waits", "its probe `{wanted}` has not come true yet",
                    "run its script by hand to see why (`probes` in lima.yaml): {program} shell {name}", where,
                    {"wanted": wanted}, severity=Severity.WARNING)
    elif kind == "agent" and waited > AGENT_PATIENCE:
        yield _Told("agent-missing", "the guest agent does not answer", agentlog.AGENT_FIX, where,
                    severity=Severity.WARNING)


def _no_ssh(boot: Boot, where: str) -> Iterator[_Told]:
    if not boot.consoles:
        return
    text = max(boot.consoles, key=lambda each: len(each.data))
    last = ending(text.data)
    if not last:
        yield _Told("boot-silent", "the guest has not said a word on its console",
                    "look at its display (`video.display: vnc` in lima.yaml), or try the other `firmware.legacyBIOS`",
                    where, severity=Severity.WARNING,
                    why="the firmware tells only the display that it found nothing, or the image has no serial console")
    elif (at := text.data.rfind(b" login: ")) >= 0 and text.age > PATIENCE:
        line, last = text.first + text.data.count(b"\n", 0, at), shown(text.data, at)
        yield _Told("ssh-silent", "the guest is up, but its ssh server does not answer",
                    "log in on its console (key c in the dashboard): does sshd run, does eth0 have an address?",
                    f"{text.name}:{line}: {last}")


def _finding(boot: Boot, told: _Told) -> Finding:
    known = {**told.words, "name": boot.name, "program": boot.program}
    return Finding(id=told.id, severity=told.severity, subject=f"instance {boot.name}",
                   what=" ".join(told.what.format(**known).split())[:_SHOWN],
                   evidence=(" ".join(told.where.split())[:_SHOWN],), why=told.why, fix=told.fix.format(**known))


def worst(findings: Sequence[Finding]) -> Finding | None:
    """The one to tell when there is room for one only."""
    ranks = list(Severity)
    return min(findings, key=lambda each: ranks.index(each.severity), default=None)
