"""A boot as it happens: steps with seconds and bars, the serial port below."""

from __future__ import annotations

from collections.abc import Sequence

from limacore.model.finding import Finding, Severity
from limacore.model.instance import Instance, Step
from limatui.ink import Line, fit, indent
from limatui.present.meters import meter
from limatui.present.words import duration, plural, seconds

_SCRIPT = "script "
_SIGNS = {"done": ("✓", "running"), "active": ("◐", "warn"), "failed": ("✗", "bad"), "pending": ("·", "faint")}


def boot(instance: Instance, now: float, serial: Sequence[str], cells: int, rows: int) -> tuple[Line, ...]:
    """Title, steps, then as much of the serial tail as fits."""
    usual = max(instance.ready_seconds, now - instance.started_at)
    top = (*indent((heading(instance, now),), 1), *indent(steps(instance.steps, cells - 4, usual), 2),
           *((),) * bool(instance.findings and rows > 16), *indent(diagnosed(instance.findings), 1))
    room = rows - len(top)
    if room < 3 or not serial:
        return top[:rows]
    gap: tuple[Line, ...] = ((),) if room > 5 else ()
    tail = serial[-(room - len(gap) - 1):]
    return (*top, *gap, rule("serial", cells), *(((f"  {text}", "dim"),) for text in tail))


def diagnosed(found: Sequence[Finding]) -> tuple[Line, ...]:
    """The first finding with the line that shows it and what to do; the doctor has the rest."""
    if not found:
        return ()
    first, title = found[0], f"▲ {plural(len(found), 'finding')}: "
    gap = (" " * len(title), "")
    return (((title, "bad" if first.severity is Severity.ERROR else "warn"), (first.what, "")),
            *((gap, (text, "dim")) for text in first.evidence[:1]),
            (gap, ("fix  ", "faint"), (first.fix, "running")),
            (gap, ("i", "accent-key bold"), (" tells more and helps", "dim")))


def heading(instance: Instance, now: float) -> Line:
    """`build  starting  41 s   usually 52 s`."""
    elapsed = now - instance.started_at if instance.started_at else 0.0
    usual = f"   usually {instance.ready_seconds:.0f} s" if instance.ready_seconds else ""
    word = instance.status.value.lower()
    return ((instance.name, "bold"), (f"  {word}", "warn"), (f"  {_elapsed(elapsed)}", ""), (usual, "dim"))


def _elapsed(value: float) -> str:
    return f"{value:.0f} s" if value < 120 else duration(value)


def steps(all_steps: Sequence[Step], cells: int, whole: float = 0.0) -> tuple[Line, ...]:
    """One line per step, its bar a part of `whole` seconds; `ready` is not one, it is the end."""
    shown = [step for step in all_steps if step.name != "ready"]
    longest = max(whole, sum(step.seconds for step in shown if not step.name.startswith(_SCRIPT)), 1.0)
    bar = max(8, min(42, cells - 52))
    return tuple(_step(step, longest, bar, cells) for step in shown)


def _step(step: Step, longest: float, bar: int, cells: int) -> Line:
    sign, colour = _SIGNS.get(step.state, _SIGNS["pending"])
    started = step.state != "pending"
    detail = max(8, cells - 22 - bar - 2)
    head: Line = ((f"{sign} ", colour), (f" {fit(_name(step), 12)}", "" if started else "faint"))
    if not started:
        return (*head, (step.detail, "faint"))
    time = seconds(step.seconds).rjust(8)
    gauge = meter(step.seconds / longest if step.seconds >= 0.5 else 0.0, bar, "warn" if step.state == "active" else
                  "bad" if step.state == "failed" else "running")
    return (*head, (fit(step.detail, min(27, detail)), "dim"), (time, "" if step.state == "active" else "dim"),
            ("   ", ""), *gauge)


def _name(step: Step) -> str:
    """A script of the user stands below `scripts` by number and kind: `script 00000003 (system)` is `· 3 system`."""
    number, _, kind = step.name.removeprefix(_SCRIPT).partition(" ")
    return f"· {int(number)} {kind.strip('()')}" if step.name.startswith(_SCRIPT) and number.isdecimal() else step.name


def rule(title: str, cells: int) -> Line:
    """A hairline with a title in it."""
    return (("─ ", "hairline"), (title, "dim"), (" " + "─" * max(0, cells - len(title) - 3), "hairline"))
