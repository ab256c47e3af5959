"""What an editor knows of YAML text without parsing it: colours, the key at a line, the lines that differ. All pure.

A text that is being typed is often no YAML at all, so nothing here depends on a parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher, unified_diff
from typing import NamedTuple

from limatui.ink import Line

_KEY = re.compile(r"""(?P<lead>\s*(?:-\s+)*)(?P<key>"[^"]*"|'[^']*'|[^\s#'"\[\]{},:][^#:]*?)\s*(?P<colon>:)(?=\s|$)""")
_TOKEN = re.compile(r"""
    (?P<comment>(?:(?<=\s)|^)\#.*$) | (?P<string>"(?:\\.|[^"\\])*"?|'[^']*'?) | (?P<mark>[|>][+\-0-9]*\s*$)
    | (?P<word>[^\s,\[\]{}#"']+(?:[ ]+[^\s,\[\]{}#"']+)*) | (?P<sign>[,\[\]{}])""", re.VERBOSE)
_NUMBER = re.compile(r"[-+]?(?:0x[0-9a-fA-F]+|0o[0-7]+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)")
_WORDS = frozenset({"true", "false", "null", "~", "True", "False", "Null", "TRUE", "FALSE", "NULL"})
_BLOCK = re.compile(r"(?::|-|^)\s+[|>][+\-0-9]*\s*(?:#.*)?$")


class Patch(NamedTuple):
    """Part of a line and its colour token."""

    start: int
    end: int
    mark: str


def block_lines(lines: Sequence[str]) -> frozenset[int]:
    """The numbers, from 0 on, of the lines inside of block texts such as scripts."""
    inside, indent = set(), -1
    for number, line in enumerate(lines):
        depth = len(line) - len(line.lstrip())
        if indent >= 0 and (not line.strip() or depth > indent):
            inside.add(number)
            continue
        indent = depth if _BLOCK.search(line) else -1
    return frozenset(inside)


def patches(line: str, *, in_block: bool) -> Iterator[Patch]:
    """The colours of one line."""
    if in_block:
        yield Patch(0, len(line), "dim" if line.lstrip().startswith("#") else "text-bright")
        return
    at = 0
    key = _KEY.match(line)
    if key is not None and not line.lstrip().startswith("#"):
        yield Patch(0, key.start("key"), "dim")
        yield Patch(key.start("key"), key.end("key"), "number")
        yield Patch(key.start("colon"), key.end("colon"), "dim")
        at = key.end("colon")
    elif line.lstrip().startswith("- "):
        at = line.index("-") + 1
        yield Patch(0, at, "dim")
    yield from _values(line, at)


def _values(line: str, at: int) -> Iterator[Patch]:
    for match in _TOKEN.finditer(line, at):
        kind = match.lastgroup or ""
        yield Patch(*match.span(), _value_mark(match.group()) if kind == "word" else _KINDS[kind])


_KINDS = {"comment": "faint", "string": "running", "mark": "protected", "sign": "dim"}


def _value_mark(word: str) -> str:
    if _NUMBER.fullmatch(word):
        return "warn"
    return "protected" if word in _WORDS or word.startswith(("&", "*", "!")) else "running"


def key_path(lines: Sequence[str], row: int) -> str:
    """The field at a line as `portForwards[].hostPort`; empty where there is none."""
    blocks = block_lines(lines[: row + 1])
    while row >= 0 and (row in blocks or not lines[row].strip() or lines[row].lstrip().startswith("#")):
        if row not in blocks:
            return ""
        row -= 1
    parts: list[str] = []
    column = limit = 1 << 30
    for number in range(row, -1, -1):
        place = None if number in blocks else _place(lines[number])
        if place is None:
            continue
        if place.column < limit:
            parts.append(place.key)
            column = limit = place.column
        if place.column == column and place.dash >= 0:
            parts.append("[]")
            column, limit = -1, place.dash + 1
        if limit == 0:
            break
    return _join([part for part in reversed(parts) if part])


class _Place(NamedTuple):
    """A key in a line: its column, its name (empty for an item without one), the column of its dash or -1."""

    column: int
    key: str
    dash: int


def _place(line: str) -> _Place | None:
    match = _KEY.match(line)
    dash = len(line) - len(line.lstrip())
    if line[dash : dash + 1] != "-" or line[dash + 1 : dash + 2].strip():
        dash = -1
    if match is not None:
        return _Place(match.start("key"), match.group("key").strip("\"'"), dash)
    return _Place(dash + 2, "", dash) if dash >= 0 else None


def _join(parts: Sequence[str]) -> str:
    text = ""
    for part in parts:
        text += part if part == "[]" or not text else f".{part}"
    return text


def changed_lines(before: str, after: str) -> frozenset[int]:
    """The numbers, from 0 on, of the lines of `after` that `before` does not have."""
    old, new = before.split("\n"), after.split("\n")
    blocks = SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()
    return frozenset(row for tag, _, _, start, end in blocks if tag != "equal" for row in range(start, end))


def count_changes(before: str, after: str) -> int:
    """How many places differ."""
    blocks = SequenceMatcher(a=before.split("\n"), b=after.split("\n"), autojunk=False).get_opcodes()
    return sum(tag != "equal" for tag, *_ in blocks)


def diff(before: str, after: str) -> tuple[Line, ...]:
    """The change as people read it: three lines around each place, minus and plus."""
    lines = list(unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2))[2:]
    return tuple(_diff_line(line) for line in lines)


def _diff_line(line: str) -> Line:
    if line.startswith("@@"):
        return ((f"line {line.split('+')[1].split(' ')[0].split(',')[0]}", "faint"),)
    mark = {"+": "running", "-": "bad"}.get(line[:1], "dim")
    return ((f"{line[:1]} {line[1:]}", mark),)
