"""What stands beside the editor: the field under the cursor, the problems, what saving will do. All pure."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from msgspec.structs import replace

from limacore.config.schema import FieldInfo, describe
from limacore.model.config import Problem
from limatui.ink import Line
from limatui.sanitize import sanitize_line
from limatui.widgets.editor.yamltext import Path, dotted

ERROR, HINT = ("✗", "bad"), ("▲", "warn")
_NUMBER = 5
_PLACE = re.compile(r"^`[^`\n]*:\d+:\d+`: ")


def mark_of(problem: Problem) -> tuple[str, str]:
    """Glyph and colour of a problem."""
    return ERROR if problem.severity == "error" else HINT


def in_order(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """By line, errors first, as they are told."""
    return tuple(sorted(map(without_place, problems), key=lambda each: (each.line or 0, each.severity)))


def without_place(problem: Problem) -> Problem:
    """The problem without the file and line in its message: beside the editor both are known."""
    return replace(problem, message=_PLACE.sub("", problem.message))


def wrapped(text: str, width: int, mark: str) -> list[Line]:
    """Text in lines of at most `width` cells."""
    return [((line, mark),) for line in textwrap.wrap(text, max(10, width))]


def about(path: Path, width: int) -> list[Line]:
    """A field: name, what it takes, what it means."""
    if not path:
        return [(("the field under the cursor", "faint"),)]
    name = sanitize_line(dotted(path))
    info = describe(path)
    if info is None:
        return [((name, "bold"),), (("no field of lima.yaml", "warn"),)]
    lines: list[Line] = [((name, "bold"),), *wrapped(takes(info), width, "dim"), ()]
    return lines + wrapped(info.doc.replace("`", ""), width, "dim")


def takes(info: FieldInfo) -> str:
    """What a field may hold, in words."""
    return "one of " + ", ".join(word or '""' for word in info.choices) if info.choices else info.type


def problem_lines(problems: Sequence[Problem], width: int) -> list[Line]:
    """Every problem with its line and what to do."""
    if not problems:
        return [(("✓", "running"), (" no problems", "dim"))]
    return [line for problem in problems for line in _problem(problem, width)]


def _problem(problem: Problem, width: int) -> list[Line]:
    glyph, mark = mark_of(problem)
    room = width - _NUMBER - 2
    first, *others = wrapped(sanitize_line(problem.message), room, "") or [()]
    number = str(problem.line) if problem.line else ""
    head: Line = ((f"{glyph} ", mark), (f"{number:<{_NUMBER}}", mark), *first)
    rest = others + wrapped(sanitize_line(problem.hint), room, "dim")
    return [head, *(((" " * (_NUMBER + 2), ""), *line) for line in rest)]


def summary(problems: Sequence[Problem]) -> Line:
    """`1 error  1 hint`."""
    errors = sum(problem.severity == "error" for problem in problems)
    hints = len(problems) - errors
    spans: list[tuple[str, str]] = []
    if errors:
        spans.append((f"{errors} error{'s' * (errors > 1)}", "bad bold"))
    if hints:
        spans.append((f"{'  ' if spans else ''}{hints} hint{'s' * (hints > 1)}", "warn"))
    return tuple(spans) or (("no problems", "faint"),)
