"""TOML as people keep it: where each key stands, and one key changed with every other line and comment left alone.

Nothing here understands TOML by itself: the standard parser tells how far a statement goes and whether an edit
meant what it should.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

Value = str | int | float | Sequence[str]
_STRING_OR_COMMENT = re.compile(r"""\"(?:\\.|[^"\\])*\"|'[^']*'|(#.*)""")


class Statement(Struct, frozen=True):
    """`key = value` from line `first` up to `end` (not included), counted from 0; the key with its table, dotted."""

    key: str
    first: int
    end: int


def statements(text: str) -> Iterator[Statement]:
    """Every statement of a valid text."""
    lines = text.split("\n")
    table, at = "", 0
    while at < len(lines):
        bare = lines[at].strip()
        if bare.startswith("["):
            table = _only_path(tomllib.loads(bare)) + "."
        elif bare and not bare.startswith("#"):
            end, found = _whole(lines, at)
            yield from (Statement(table + key, at, end) for key in _paths(found))
            at = end
            continue
        at += 1


def _whole(lines: Sequence[str], first: int) -> tuple[int, dict[str, Any]]:
    for end in range(first + 1, len(lines) + 1):
        try:
            return end, tomllib.loads("\n".join(lines[first:end]))
        except tomllib.TOMLDecodeError:
            pass
    raise ValueError(f"line {first + 1} begins what never ends")


def _paths(tree: dict[str, Any], before: str = "") -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _paths(value, f"{before}{key}.")
        else:
            yield f"{before}{key}"


def _only_path(tree: dict[str, Any]) -> str:
    return next(_paths({key: value[0] if isinstance(value, list) else value for key, value in tree.items()}))


def put(text: str, key: str, value: Value) -> str:
    """The text with a key of the top level set; raises ValueError when that cannot be done by changing its lines."""
    wanted = {**tomllib.loads(text), key: list(value) if isinstance(value, tuple) else value}
    lines = text.split("\n")
    place = next((each for each in statements(text) if each.key == key), None)
    assignment = f"{key} = {json.dumps(value, ensure_ascii=False)}"
    if place is None:
        at, new = _room(lines), [assignment]
    else:
        at = place.first
        new = [*_inner_comments(lines[place.first:place.end]), assignment + _comment(lines[place.end - 1])]
        del lines[place.first:place.end]
    lines[at:at] = new
    changed = "\n".join(lines)
    if tomllib.loads(changed) != wanted:
        raise ValueError(f"{key} stands in a way that only you can change")
    return changed if changed.endswith("\n") else changed + "\n"


def _room(lines: Sequence[str]) -> int:
    """Where a new key goes: after the last one that is in no table."""
    head = next((index for index, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    while head < len(lines) and head and lines[head - 1].lstrip().startswith("#"):
        head -= 1  # what is said about the table stays with it
    while head and not lines[head - 1].strip():
        head -= 1
    return head


def _comment(line: str) -> str:
    """The comment at the end of a line, with the blanks before it."""
    found = next((each for each in _STRING_OR_COMMENT.finditer(line) if each[1]), None)
    return line[len(line[:found.start()].rstrip()):] if found else ""


def _inner_comments(lines: Sequence[str]) -> list[str]:
    """The comments within a value of several lines: they are kept above it."""
    return [found.strip() for line in lines[:-1] if (found := _comment(line))]
