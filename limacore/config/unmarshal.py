"""How limactl words a YAML text that it cannot take, and one that it takes with a warning."""

from __future__ import annotations

from collections.abc import Iterable

from limacore.base.yamlio import YamlError
from limacore.errors import ConfigError
from limacore.model.config import Problem

_AROUND = 3


def source(text: str, line: int, column: int) -> str:
    """The lines around a place, the place marked by `>` and `^`."""
    lines = text.removesuffix("\n").split("\n")
    if not 0 < line <= len(lines):
        return ""
    first = max(1, line - _AROUND)
    while first < line and not lines[first - 1].strip():
        first += 1
    before = [f"{number:4} | {lines[number - 1]}" for number in range(first, line)]
    after = [f"{number:4} | {lines[number - 1]}" for number in range(line + 1, min(len(lines), line + _AROUND) + 1)]
    marked = [f">{line:3} | {lines[line - 1]}", " " * (6 + column) + "^"]
    return "\n".join([*before, *marked, *(after or [""])])


def place(problem: Problem, text: str) -> str:
    """`[line:column] what is wrong`, with the source; an address that is none has no place."""
    if not problem.line or problem.told.startswith("invalid IP address"):
        return problem.told
    return f"[{problem.line}:{problem.column}] {problem.told}\n{source(text, problem.line, problem.column)}"


def failure(where: str, text: str, problem: Problem) -> ConfigError:
    """The error for a text that cannot be read as lima.yaml; `where` says which file it is."""
    return ConfigError(f"failed to unmarshal YAML ({where}): {place(problem, text)}", hint=_hint(problem))


def _hint(problem: Problem) -> str:
    if problem.message == problem.told:
        return problem.hint
    return f"{problem.message} ({problem.hint})" if problem.hint else problem.message


def syntax(error: YamlError) -> Problem:
    """A text that is no YAML as a problem."""
    return Problem(path="", message=error.message, hint=error.hint, line=error.line, column=error.column,
                   words=error.reason)


def loose(problems: Iterable[Problem], text: str) -> str:
    """The one unknown field that limactl warns of, one inside a known field first; empty when there is none."""
    unknown = [each for each in problems if each.told.startswith("unknown field ") and each.line]
    nested = [each for each in unknown if "." in each.path or "[" in each.path]
    chosen = next(iter(nested or unknown), None)
    return place(chosen, text) if chosen else ""
