"""A boot in seconds: each step of this one against the last ten, and the boots below each other. Pure."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

from limacore.model.boot import Boot
from limacore.model.event import BOOT_STEPS
from limacore.model.instance import Instance, Status, Step
from limatui.ink import Line, cut, fit
from limatui.present.meters import meter
from limatui.present.words import duration, plural, seconds

_NAME, _ROOMY_NAME = 14, 30
_TIME = 8
_SIGNS = {"done": ("✓", "running"), "active": ("◐", "warn"), "failed": ("✗", "bad"), "pending": ("·", "faint")}
_SLOWER = 1.25
"""Times the usual from which on a step is called slow."""
_WORTH = 0.5
"""Seconds below which a difference says nothing."""


def this_boot(subject: Instance, boots: Sequence[Boot], now: float) -> tuple[Boot | None, tuple[Boot, ...]]:
    """The boot that is looked at, and those before it: the one that runs, or the last."""
    if subject.status is Status.STARTING and subject.steps:
        steps = tuple(step for step in subject.steps if step.name != "ready")
        return Boot(subject.started_at, max(0.0, now - subject.started_at), steps, subject.accel), tuple(boots)
    if boots:
        return boots[0], tuple(boots[1:])
    if subject.status is Status.RUNNING and subject.steps:
        steps = tuple(step for step in subject.steps if step.name != "ready")
        return Boot(subject.started_at, subject.ready_seconds, steps, subject.accel), ()
    return None, ()


def usual(name: str, before: Sequence[Boot]) -> float | None:
    """The middle of what a step took before; None when it never was."""
    known = [step.seconds for boot in before for step in boot.steps if step.name == name and step.state == "done"]
    return median(known) if known else None


def timeline(subject: Instance, boots: Sequence[Boot], now: float, cells: int) -> tuple[Line, ...]:
    """The whole pane."""
    boot, before = this_boot(subject, boots, now)
    if boot is None:
        return empty(subject)
    lines = (*heading(subject, boot, before, now), (), *phases(boot, before, cells), (), (),
             *history(boot, before, now, cells))
    return tuple(cut(line, cells) for line in lines)


def empty(subject: Instance) -> tuple[Line, ...]:
    """What the pane says before a first boot."""
    told = "its next start is measured" if subject.status.is_up else "starts it, and measures every step"
    key: Line = () if subject.status.is_up else (("s ", "accent-key bold"),)
    return ((("no boot was measured yet", "dim"),), (), (*key, (told, "dim")))


def heading(subject: Instance, boot: Boot, before: Sequence[Boot], now: float) -> tuple[Line, ...]:
    """`ready in 11.2 s   usually 10.8 s   tcg`."""
    running = subject.status is Status.STARTING
    took = f"starting for {seconds(boot.seconds)}" if running else f"ready in {seconds(boot.seconds)}"
    ago = "" if running else f"   {duration(now - boot.at)} ago"
    if not before:
        return (((took, "bold"), (f"{ago}   the first boot that was measured", "dim"), (_how(boot), "faint")),)
    normal = median(each.seconds for each in before)
    verdict, mark = judged(boot.seconds, normal)
    words = f"   {verdict} than usual" if verdict else "   as usual"
    return (((took, "bold"), (ago, "dim"), ("" if running else words, mark),
             (f"   usually {seconds(normal)}", "dim"), (_how(boot), "faint")),)


def _how(boot: Boot) -> str:
    return f"   {boot.accel}" if boot.accel else ""


def judged(took: float, normal: float | None) -> tuple[str, str]:
    """`1.4 s slower` or `0.3 s faster` with its colour; nothing when the difference says nothing."""
    if normal is None or abs(took - normal) < _WORTH:
        return "", "dim"
    if took < normal:
        return f"{seconds(normal - took)} faster", "running"
    return f"{seconds(took - normal)} slower", "warn" if took > normal * _SLOWER else "dim"


def phases(boot: Boot, before: Sequence[Boot], cells: int) -> tuple[Line, ...]:
    """Every step with its seconds, a bar, the usual as a mark on it; scripts below the phases."""
    order = {name: at for at, name in enumerate(BOOT_STEPS)}
    steps = sorted(boot.steps, key=lambda step: order.get(step.name, len(order)))
    scripts = [step for step in steps if step.name not in order]
    normal = {step.name: usual(step.name, before) for step in steps}
    longest = max([1.0, *(step.seconds for step in steps), *(value for value in normal.values() if value)])
    widest = max((len(step.name) + 1 for step in scripts), default=0)
    name = max(_NAME, min(_ROOMY_NAME, cells - 52, widest))
    bar = max(8, min(60, cells - name - 2 * _TIME - 24))
    head = (("  PHASE".ljust(name + 2) + "THIS BOOT".rjust(_TIME + 2) + "  " + " " * (bar + 2)
             + ("USUALLY".rjust(_TIME) if before else ""), "faint"),)
    rows = [_phase(step, normal[step.name], longest, name, bar) for step in steps]
    first = len(steps) - len(scripts)
    told: tuple[Line, ...] = ((), (("  SCRIPTS", "faint"),)) if scripts else ()
    return (head, *rows[:first], *told, *rows[first:])


def _phase(step: Step, normal: float | None, longest: float, name: int, bar: int) -> Line:
    sign, colour = _SIGNS.get(step.state, _SIGNS["pending"])
    if step.state == "pending":
        return ((f"{sign} ", colour), (fit(step.name, name), "faint"))
    verdict, mark = judged(step.seconds, normal)
    usually = seconds(normal).rjust(_TIME) if normal is not None else " " * _TIME
    gauge = marked(meter(step.seconds / longest if step.seconds >= 0.05 else 0.0, bar,
                         {"warn": "warn"}.get(mark, "number")), normal / longest if normal else None, bar)
    took = seconds(step.seconds).rjust(_TIME + 2)
    return ((f"{sign} ", colour), (fit(step.name, name), ""), (took, ""), ("  ", ""), *gauge, ("  ", ""),
            (usually, "dim"), (f"   {verdict}" if mark == "warn" else "", mark))


def marked(line: Line, at: float | None, cells: int) -> Line:
    """A meter with a mark where the usual would end."""
    if at is None:
        return line
    place = max(0, min(cells - 1, round(at * cells)))
    spans: list[tuple[str, str]] = []
    column = 0
    for text, marks in line:
        if column <= place < column + len(text):
            cut_at = place - column
            spans += [(text[:cut_at], marks), ("┃", "text-bright"), (text[cut_at + 1:], marks)]
        else:
            spans.append((text, marks))
        column += len(text)
    return tuple(span for span in spans if span[0])


def history(boot: Boot, before: Sequence[Boot], now: float, cells: int) -> tuple[Line, ...]:
    """The boots, newest first, one bar each."""
    if not before:
        return ()
    shown = (boot, *before[:10])
    longest = max(1.0, *(each.seconds for each in shown))
    bar = max(8, min(60, cells - 34))
    head: Line = (((f"  {plural(len(shown), 'BOOT').upper()}"), "faint"),)
    return (head, *(_past(each, each is boot, longest, bar, now) for each in shown))


def _past(each: Boot, here: bool, longest: float, bar: int, now: float) -> Line:
    day = time.strftime("%d %b %H:%M", time.localtime(each.at))
    return (("▸ " if here else "  ", "accent-key"), (fit(day, 14), "" if here else "dim"),
            (seconds(each.seconds).rjust(_TIME), "bold" if here else "dim"), ("  ", ""),
            *meter(each.seconds / longest, bar, "number" if here else "dim"))
