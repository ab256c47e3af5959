"""What stands beside the editor: the field under the cursor, the problems, what saving will do. All pure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from limacore.config.fields import CHOICES, DOCS
from limacore.config.shape import Shape, find
from limacore.model.config import Problem
from limatui.ink import Line
from limatui.sanitize import sanitize_line

ERROR, HINT = ("✗", "bad"), ("▲", "warn")
_KINDS = {
    "struct": "a group of fields", "open": "a group of fields", "list": "a list", "map": "names and values",
    "text": "text", "int": "a number", "uint": "a number, 0 or more", "bool": "true or false", "ip": "an IP address",
    "range": "two numbers: [first, last]", "disk": "a name, or a group of fields", "locator": "a path or URL",
    "locators": "a path or URL, or several", "any": "any value",
}
_NUMBER = 5


def mark_of(problem: Problem) -> tuple[str, str]:
    """Glyph and colour of a problem."""
    return ERROR if problem.severity == "error" else HINT


def wrapped(text: str, width: int, mark: str) -> list[Line]:
    """Text in lines of at most `width` cells."""
    return [((line, mark),) for line in textwrap.wrap(text, max(10, width))]


def about(path: str, width: int) -> list[Line]:
    """The field under the cursor: name, what it takes, what it means."""
    if not path:
        return [(("the field under the cursor", "faint"),)]
    shape = find(tuple(part if part else 0 for part in _parts(path)))
    if shape is None:
        return [((path, "bold"),), (("no field of lima.yaml", "warn"),)]
    lines: list[Line] = [((sanitize_line(path), "bold"),), *wrapped(_takes(path, shape), width, "dim"), ()]
    return lines + wrapped(DOCS.get(path, "").replace("`", ""), width, "dim")


def _parts(path: str) -> list[str]:
    """`a[].b` as `a`, an empty string for an item, `b`."""
    return [part for name in path.split(".") for part in ([name[:-2], ""] if name.endswith("[]") else [name])]


def _takes(path: str, shape: Shape) -> str:
    if path in CHOICES:
        return "one of " + ", ".join(word or '""' for word in CHOICES[path])
    return _KINDS[shape.kind]


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
