"""What an editor knows of YAML text without parsing it: colours, the field at a line. All pure.

A text that is being typed is often no YAML at all, so nothing here depends on a parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_KEY = re.compile(r"""(?P<lead>\s*(?:-\s+)*)(?P<key>"[^"]*"|'[^']*'|[^\s#'"\[\]{},:][^#:]*?)\s*(?P<colon>:)(?=\s|$)""")
_TOKEN = re.compile(r"""
    (?P<comment>(?:(?<=\s)|^)\#.*$) | (?P<string>"(?:\\.|[^"\\])*"?|'[^']*'?) | (?P<mark>[|>][+\-0-9]*\s*$)
    | (?P<word>[^\s,\[\]{}#"']+(?:[ ]+[^\s,\[\]{}#"']+)*) | (?P<sign>[,\[\]{}])""", re.VERBOSE)
_NUMBER = re.compile(r"[-+]?(?:0x[0-9a-fA-F]+|0o[0-7]+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)")
_WORDS = frozenset({"true", "false", "null", "~", "True", "False", "Null", "TRUE", "FALSE", "NULL"})
_BLOCK = re.compile(r"(?::|-|^)\s+[|>][+\-0-9]*\s*(?:#.*)?$")


Path = tuple[str | int, ...]


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
    return dotted(field_at(lines, row))


def field_at(lines: Sequence[str], row: int) -> Path:
    """The field at a line as `("portForwards", 0, "hostPort")`; empty where there is none."""
    blocks = block_lines(lines[: row + 1])
    while row >= 0 and (row in blocks or not lines[row].strip() or lines[row].lstrip().startswith("#")):
        if row not in blocks:
            return ()
        row -= 1
    return enclosing(lines, row + 1, 1 << 30, blocks)


def enclosing(lines: Sequence[str], row: int, column: int, blocks: frozenset[int]) -> Path:
    """What a key at `column` of line `row` would be in, by the lines above; every item of a list is number 0."""
    parts: list[str | int] = []
    here = limit = column
    for number in range(row - 1, -1, -1):
        place = None if number in blocks else place_of(lines[number])
        if place is None:
            continue
        if place.column < limit:
            parts.append(place.key)
            here = limit = place.column
        if place.column == here and place.dash >= 0:
            parts.append(0)
            here, limit = -1, place.dash + 1
        if limit == 0:
            break
    return tuple(part for part in reversed(parts) if part != "")


class Place(NamedTuple):
    """A key in a line: its column, its name (empty for an item without one), the column of its dash or -1."""

    column: int
    key: str
    dash: int


def place_of(line: str) -> Place | None:
    """The key of a line; None for a line that begins neither a field nor an item."""
    match = _KEY.match(line)
    dash = len(line) - len(line.lstrip())
    if line[dash : dash + 1] != "-" or line[dash + 1 : dash + 2].strip():
        dash = -1
    if match is not None:
        return Place(match.start("key"), match.group("key").strip("\"'"), dash)
    return Place(dash + 2, "", dash) if dash >= 0 else None


def dotted(parts: Path) -> str:
    """A path as `portForwards[].hostPort`."""
    text = ""
    for part in parts:
        text += "[]" if isinstance(part, int) else f".{part}" if text else part
    return text
