"""Findings as lines, and what a key can do about one: pure."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from msgspec import Struct

from limacore.model.finding import Finding, Severity
from limatui.ink import Line, cut, fit
from limatui.present.words import plural

LOOKS: dict[Severity, tuple[str, str]] = {
    Severity.ERROR: ("✗", "bad"), Severity.WARNING: ("▲", "warn"), Severity.NOTE: ("·", "number"),
}
_SUBJECT = 20
_LABEL = 10
_ENDED_BY_FORCE = ("orphan-vm", "orphan-agent", "agent-silent")


class Remedy(Struct, frozen=True):
    """What one key does about a finding: by the doctor (`repair`) or by a verb of the instance."""

    action: str
    label: str
    command: str
    effect: str = ""
    """What the verb does, where no plan of the doctor says it."""


def instance_of(finding: Finding) -> str:
    """The instance that a finding is about; empty when it is about something else."""
    kind, _, name = finding.subject.partition(" ")
    return name if kind == "instance" else ""


def remedy(finding: Finding) -> Remedy | None:
    """What can be done by a key; None when a person must."""
    name = instance_of(finding)
    if finding.repairable:
        return Remedy("repair", "put it right", f"limatui doctor --fix{f' {name}' if name else ''}")
    if finding.id in _ENDED_BY_FORCE and name:
        return Remedy("insist", "end it", f"limatui stop -f {name}",
                      f"end what is left of {name} at once; unsaved data in the guest is lost, its disk stays")
    return None


def command_of(finding: Finding) -> str:
    """What to copy: the equivalent command of the remedy, else the advice."""
    known = remedy(finding)
    return known.command if known else finding.fix


def line(finding: Finding, width: int, *, subject: bool) -> Line:
    """One finding; `subject` whether it says what it is about."""
    sign, mark = LOOKS[finding.severity]
    about: Line = ((f"{fit(finding.subject, _SUBJECT)}  ", "dim"),) if subject else ()
    key: Line = (("f ", "accent-key bold"),) if remedy(finding) else (("  ", ""),)
    return cut((("  ", ""), *key, (f"{sign} ", mark), *about, *_coded(finding.what)), width)


def details(finding: Finding, cells: int) -> tuple[Line, ...]:
    """The whole of it: what shows it, why, what to do."""
    known = remedy(finding)
    return (
        *(((each, "bold"),) for each in wrap(finding.what, max(20, cells))), (),
        *(each for number, text in enumerate(finding.evidence)
          for each in _block("" if number else "seen", text, "number", cells)),
        *_block("so", finding.why, "dim", cells), *_block("fix", finding.fix, "running", cells),
        *(_block("command", known.command, "dim", cells) if known else ()),
    )


def _block(label: str, text: str, mark: str, cells: int) -> tuple[Line, ...]:
    """A label and a text in as many lines as it needs."""
    lines = wrap(text, max(20, cells - _LABEL), break_on_hyphens=False)
    return tuple(((f"{label if number == 0 else '':<{_LABEL}}", "faint"), (each, mark))
                 for number, each in enumerate(lines))


def summary(findings: Sequence[Finding]) -> Line:
    """`✗ 1 error   ▲ 2 warnings`; empty when nothing was found."""
    spans: list[tuple[str, str]] = []
    for severity, (sign, mark) in LOOKS.items():
        count = sum(each.severity is severity for each in findings)
        spans += [(f"{sign} ", mark), (f"{plural(count, severity.value)}   ", "dim")] if count else []
    return tuple(spans)


def question(finding: Finding, known: Remedy, planned: Sequence[str], cells: int) -> tuple[Line, ...]:
    """The dry run: what would be done, one line each, then the equivalent command."""
    steps = tuple(planned) or (known.effect,)
    return (*(((each, "dim"),) for each in wrap(finding.what, cells)), (),
            *((("would ", "faint"), *_coded(each)) for step in steps for each in wrap(step, cells - 6)),
            (), ((known.command, "faint"),))


def _coded(text: str) -> Line:
    """Text whose `code` stands out."""
    return tuple((part, "number" if index % 2 else "") for index, part in enumerate(text.split("`")) if part)
