"""doctor: what is wrong, what shows it, what to do; for people and, with --json, for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import msgspec

from limacore.base import notice
from limacore.base.goquote import ticked
from limacore.cli.context import Context
from limacore.cli.output import visible
from limacore.cli.prompt import confirm
from limacore.cli.tree import Call
from limacore.health import repairs
from limacore.health.doctor import examine
from limacore.model.finding import Checkup, Finding, Severity

_GLYPHS = {Severity.ERROR: ("✗", "31"), Severity.WARNING: ("▲", "33"), Severity.NOTE: ("·", "36")}
_DIM, _BOLD, _GREEN = "2", "1", "32"


def doctor(ctx: Context, call: Call) -> int:
    """Examine, repair when asked to; status 1 when an error remains."""
    names = tuple(dict.fromkeys(call.args))
    checkup = Checkup(home=str(ctx.home.home), findings=ctx.run(examine(ctx.home, names)))
    pen = Pen(colour=sys.stdout.isatty())
    if call["fix"] and repairs.plan(checkup.findings) and _agreed(ctx, call["json"], checkup, pen):
        checkup = ctx.run(repairs.repair(ctx.home, names, checkup.findings))
    ctx.out(as_json(checkup) if call["json"] else "\n".join(report(checkup, pen)) + "\n")
    return 0 if checkup.ok else 1


def _agreed(ctx: Context, json: bool, checkup: Checkup, pen: Pen) -> bool:
    """On a terminal what will be done is shown first, and asked for."""
    if json or not ctx.tty or not sys.stdin.isatty():
        return True
    ctx.out("".join(f"  {pen.mark(_GREEN, '→')} {visible(each)}\n" for each in repairs.plan(checkup.findings)))
    return confirm("Do this?")


def as_json(checkup: Checkup) -> str:
    """One object: `home`, `ok`, `findings`, `repaired`."""
    fields = {"home": checkup.home, "ok": checkup.ok, "findings": checkup.findings, "repaired": checkup.repaired}
    return msgspec.json.format(msgspec.json.encode(fields), indent=2).decode() + "\n"


class Pen:
    """Colours on a terminal, plain words elsewhere."""

    def __init__(self, *, colour: bool) -> None:
        self.colour = colour

    def mark(self, code: str, text: str) -> str:
        """`text` in a colour, or as it is."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def severity(self, severity: Severity) -> str:
        """A glyph on a terminal, the word elsewhere."""
        glyph, code = _GLYPHS[severity]
        return self.mark(code, glyph) if self.colour else f"{severity}:"


def report(checkup: Checkup, pen: Pen) -> Iterator[str]:
    """The lines of a report."""
    for sentence in checkup.repaired:
        yield f"{pen.mark(_GREEN, '✓')} done: {visible(sentence)}" if pen.colour else f"done: {visible(sentence)}"
    if checkup.repaired:
        yield ""
    subject = ""
    for finding in checkup.findings:
        if finding.subject != subject:
            if subject:
                yield ""
            subject = finding.subject
            yield pen.mark(_BOLD, visible(subject))
        yield from _lines(finding, pen)
    if checkup.findings:
        yield ""
    yield _summary(checkup.findings, pen)


def _lines(finding: Finding, pen: Pen) -> Iterator[str]:
    yield f"  {pen.severity(finding.severity)} {visible(' '.join(finding.what.split()))}"
    for text in finding.evidence:
        yield from (f"      {pen.mark(_DIM, visible(line))}" for line in text.splitlines())
    if finding.why:
        yield f"      {visible(finding.why)}"
    if finding.fix:
        yield f"      {pen.mark(_GREEN, '→') if pen.colour else 'fix:'} {visible(finding.fix)}"


def _summary(findings: Sequence[Finding], pen: Pen) -> str:
    if not findings:
        return f"{pen.mark(_GREEN, '✓')} Nothing is wrong." if pen.colour else "Nothing is wrong."
    counts = [(sum(each.severity is kind for each in findings), kind) for kind in Severity]
    words = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for count, kind in counts if count)
    mendable = sum(each.repairable for each in findings)
    command = ticked(f"{notice.program()} doctor --fix")
    return words + (f"; {mendable} can be put right by {command}" if mendable else "")
