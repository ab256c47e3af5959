"""What stands around a log: the row of logs, what is searched and filtered, where the window is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from limacore.model.logfile import LogFile
from limatui.ink import Line, Span
from limatui.logs.levels import DEBUG, INFO, LEVELS
from limatui.logs.pattern import is_expression, pattern
from limatui.logs.pattern import problem as problem_of
from limatui.logs.reading import Found
from limatui.logs.sift import Wanted, problem, words
from limatui.logs.track import Source
from limatui.logs.window import Page, Passed
from limatui.present.words import size
from limatui.sanitize import sanitize_line

SEARCH, FILTER = "search", "filter"
GAP = 3
EVERY_LOG, EVERY_MACHINE, MARKED = "all by time", "all machines", "marked machines"


LOG_KEYS = (
    ("/ n N", "search text, or /regex/; capitals matter only when there are some; next, previous"),
    ("&", "only lines with a text or /regex/; !text without it; a & b both"), ("L", "lowest level that is shown"),
    ("ctrl+r ↑ ↓", "while typing: regex or text; what was asked before"),
    ("[ ] o", "log before, after; pick one, earlier boots too"),
    ("a A", "all logs by time; those of all or of the marked machines; and back"),
    ("j k g G", "line by line, first line, follow the end"), ("⏎", "all of a line: its JSON, its whole text"),
    ("w ← →", "wrap long lines, or move sideways"), ("t v", "times; lines as they are in the file"),
    ("y Y", "copy the line, the page"), ("s p", "save to a file, open in $PAGER"),
)
"""For the help."""


class Choice(NamedTuple):
    """Something to look at: one log, or several merged by time."""

    label: str
    sources: tuple[Source, ...]


Machines = Mapping[str, Sequence[LogFile]]


def choices(logs: Sequence[LogFile], machines: Machines, *, marked: bool = False) -> tuple[Choice, ...]:
    """Each log, all of them, and those of several machines."""
    mine = tuple(Source(log, sanitize_line(log.label)) for log in logs)
    found = [Choice(source.tag, (source,)) for source in mine]
    if len(mine) > 1:
        found.append(Choice(EVERY_LOG, mine))
    theirs = tuple(Source(log, sanitize_line(f"{machine} {log.label}"))
                   for machine, some in machines.items() for log in some)
    if mine and len(machines) > 1:
        found.append(Choice(MARKED if marked else EVERY_MACHINE, theirs))
    return tuple(found)


def tabs(labels: Sequence[str], current: int, cells: int) -> Line:
    """The row of logs; where it is too long its beginning is left out, so that the current one is to be seen."""
    first = 0
    while first < current and sum(len(label) + GAP for label in labels[first : current + 1]) + GAP > cells:
        first += 1
    spans: list[Span] = [("… ", "faint")] if first else []
    for at, label in enumerate(labels[first:], first):
        spans += [(label, "accent-key bold" if at == current else "dim"), (" " * GAP, "")]
    return tuple(spans)


def position(page: Page) -> Line:
    """Size, place and whether the end is followed."""
    if page.problem:
        return ((f"cannot be read: {page.problem}", "bad"),)
    if not page.there and not page.size:
        return (("gone", "warn"),)
    number, unit = size(page.size)
    where: Span = ("following", "running") if page.at_end else (f"{page.share * 100:.0f} %", "number")
    new: Line = ((f"↓ {page.new:,} new   ", "warn"),) if page.new and not page.at_end else ()
    gone: Line = () if page.there else (("deleted   ", "warn"),)
    return (*new, *gone, (f"{number} ", "number"), (unit, "dim"), ("   ", ""), where)


def finding(found: Found) -> Line:
    """What the search found so far."""
    if not found.text:
        return ()
    more, unit = "+" if found.counting else "", " lines" if found.by_line else ""
    if found.looking or (found.counting and not found.total):
        state: Span = ("looking …", "dim")
    elif found.at is not None:
        state = (f"{found.number or '…'}/{found.total:,}{more}{unit}", "number")
    else:
        state = (f"{found.total:,}{more}{unit or ' found'}", "number") if found.total else ("not found", "warn")
    wrapped: Line = (("  from the start again", "faint"),) if found.wrapped else ()
    return (("/ ", "accent-key"), (f"{sanitize_line(found.text)}  ", ""), state, *wrapped, ("    ", ""))


def meaning(what: str, text: str) -> Line:
    """How a search or a filter that is typed is understood, or what is wrong with it."""
    parts = [part for part, _ in words(text)] if what == FILTER else [text] if text else []
    if wrong := problem(text) if what == FILTER else problem_of(text):
        return ((sanitize_line(wrong), "warn"),)
    if not parts:
        return (("ctrl+r ", "accent-key"), ("regex", "faint"))
    kinds = {"regex" if is_expression(part) else "text" for part in parts}
    folds = {"any case" if pattern(part).fold else "Aa" for part in parts}
    return ((f"{' and '.join(sorted(kinds))}, {' and '.join(sorted(folds))}", "faint"),)


def sifting(wanted: Wanted, passed: Passed | None) -> Line:
    """Which lines are shown, and how many there are."""
    if passed is None:
        return ()
    text: Line = (("& ", "accent-key"), (f"{sanitize_line(wanted.text)}  ", "")) if wanted.text else ()
    level: Line = ()
    if wanted.level != DEBUG:
        word = LEVELS[wanted.level]
        level = (("L ", "accent-key"), (word, "dim" if wanted.level == INFO else ("warn", "bad")[wanted.level - 2]),
                 (" and above  " if word != LEVELS[-1] else "  ", "dim"))
    return (*text, *level, *lines_that_pass(passed), ("    ", ""))


def lines_that_pass(passed: Passed | None) -> Line:
    """How many lines are shown."""
    if passed is None:
        return ()
    more = "+" if passed.counting else ""
    return ((f"{passed.lines:,}{more}", "number"), (" line" if passed.lines == 1 and not more else " lines", "dim"))


def instead(page: Page) -> Line:
    """What stands where there are no lines."""
    if page.lines or page.looking or page.problem or not page.there:
        return ()
    if page.passed is None:
        return (("nothing was written yet", "dim"),)
    if page.passed.counting:
        return ()
    return (("no line passes the filter; ", "dim"), ("esc", "accent-key"), (" ends it", "dim"))


def state(found: Found, wanted: Wanted, page: Page) -> Line:
    """Search and filter; where there are none, what the sign before some times means."""
    told = (*finding(found), *sifting(wanted, page.passed))
    if told or not any(line.about for line in page.lines):
        return told
    return (("≈ ", "faint"), ("guest clock since start, else when it was written  ", "faint"))
