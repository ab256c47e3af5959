"""A few checks of a lima.yaml, enough to see the editor mark a line."""

from __future__ import annotations

import re

from limacore.base.units import parse_size
from limacore.errors import UsageError
from limacore.model.config import Problem

_KEY = re.compile(r"^[\s-]*([A-Za-z]+):\s*(.*?)\s*$")


def problems(text: str) -> tuple[Problem, ...]:
    """Everything wrong with the text, by line."""
    import yaml

    try:
        tree = yaml.load(text, yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        return (Problem("", error.problem or "not YAML", line=mark.line + 1 if mark else 0),)
    if not isinstance(tree, dict):
        return (Problem("", "a lima.yaml is a mapping of keys", "begin with `images:`", 1),)
    found = (_line_problem(number, line) for number, line in enumerate(text.splitlines(), 1))
    return tuple(problem for problem in found if problem)


def _line_problem(number: int, line: str) -> Problem | None:
    match = _KEY.match(line)
    if not match:
        return None
    key, value = match.group(1), match.group(2).strip("\"'")
    if key in ("hostPort", "guestPort") and value.isdigit() and not 0 < int(value) < 65536:
        return Problem(key, f"{key}: {value} is not a port (1 to 65535)", line=number)
    if key == "cpus" and value and not value.isdigit():
        return Problem(key, f"cpus: expected a number, got `{value}`", line=number)
    if key in ("memory", "disk"):
        return _size_problem(key, value, number)
    if key == "mountType" and value == "virtiofs":
        return Problem(key, "virtiofs needs virtiofsd", "not found on this host: reverse-sshfs will be used", number,
                       severity="warning")
    return None


def _size_problem(key: str, value: str, number: int) -> Problem | None:
    try:
        parse_size(value)
    except UsageError as error:
        return Problem(key, f"{key}: {error.message}", error.hint, number)
    return None
