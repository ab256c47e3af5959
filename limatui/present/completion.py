"""What could be written where the cursor is: keys and values of lima.yaml, by the lines above. All pure.

A text that is being typed is often no YAML at all, so the place is found by indentation, without a parser.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from limacore.config.schema import FieldInfo, describe
from limatui.ink import Line, cut, fit
from limatui.widgets.editor.yamltext import Path, block_lines, enclosing, place_of

Kind = Literal["key", "value", "item"]
Names = Mapping[str, Sequence[str]]
"""Names that exist here, by field: `base` has those of templates."""
_BEGUN = re.compile(r"(?P<lead>\s*(?:-\s+)*)(?P<word>[^\s:#'\"\[\]{},&*!|>]*)")
_VALUE = re.compile(r"""(?P<lead>\s*(?:-\s+)*(?P<key>[\w.]+)\s*:\s+)(?P<word>["']?[^\s#\[\]{},]*)""")
_ITEM = re.compile(r"""(?P<lead>\s*(?:-\s+)+)(?P<word>["']?[^\s#\[\]{},"']*)""")
_REST_OF_WORD = re.compile(r"[\w.:/+-]*")
_LONG_TEXTS = ("script", "content", "message", "expression", "certs")
_MOST = 200


class Spot(NamedTuple):
    """Where the cursor is: the mapping or field at `path`, what is typed of the word, the columns of that word."""

    kind: Kind
    path: Path
    word: str
    start: int
    end: int
    followed: bool = False
    """Whether a colon follows already."""
    used: frozenset[str] = frozenset()
    """Keys that the mapping has."""


class Choice(NamedTuple):
    """One thing to write: as it is shown, what is inserted, of which type, what it means."""

    text: str
    insert: str
    type: str = ""
    doc: str = ""


def spot(lines: Sequence[str], row: int, column: int) -> Spot | None:
    """The place of the cursor; None in comments, scripts and values in brackets."""
    blocks = block_lines(lines)
    before, after = lines[row][:column], lines[row][column:]
    if row in blocks:
        return None
    rest = _REST_OF_WORD.match(after)
    end = column + (rest.end() if rest else 0)
    if match := _VALUE.fullmatch(before):
        place = place_of(lines[row])
        parent = enclosing(lines, row + 1, 1 << 30, blocks) if place else ()
        return Spot("value", parent, match["word"], match.start("word"), end) if parent else None
    match = _BEGUN.fullmatch(before) or _ITEM.fullmatch(before)
    return _begun(lines, row, match, after, end, blocks) if match else None


def _begun(lines: Sequence[str], row: int, match: re.Match[str], after: str, end: int,
           blocks: frozenset[int]) -> Spot:
    lead, start = match["lead"], match.start("word")
    dash = lead.rfind("-")
    path = enclosing(lines, row, start if dash < 0 else dash + 1, blocks)
    if dash >= 0:
        path = (*path, 0)
    used = _siblings(lines, row, start, blocks)
    kind: Kind = "item" if dash >= 0 else "key"
    colon = re.match(r"[\w.]*\s*:", after)
    if colon:
        end = start + len(match["word"]) + len(colon.group().rstrip(":").rstrip())
    return Spot(kind, path, match["word"], start, end, colon is not None, used)


def _siblings(lines: Sequence[str], row: int, column: int, blocks: frozenset[int]) -> frozenset[str]:
    """The keys of the same mapping, above and below."""
    return frozenset((*_same(lines, range(row - 1, -1, -1), column, blocks, up=True),
                      *_same(lines, range(row + 1, len(lines)), column, blocks, up=False)))


def _same(lines: Sequence[str], rows: range, column: int, blocks: frozenset[int], *, up: bool) -> list[str]:
    found: list[str] = []
    for number in rows:
        place = None if number in blocks else place_of(lines[number])
        if place is None:
            continue
        ends = place.dash >= 0 and place.column == column
        if place.column < column or (ends and not up):
            break
        if place.column == column:
            found.append(place.key)
        if ends:
            break
    return found


def choices(place: Spot, names: Names) -> tuple[Choice, ...]:
    """What fits at a spot, best first; nothing when it is written already."""
    if place.kind == "value":
        found = _values(place.path, names)
    else:
        found = _keys(place)
        if place.kind == "item":
            found = (*found, *_values(place.path, names))
    word = place.word.strip("\"'").lower()
    fitting = [each for each in found if word in each.text.lower()]
    ordered = sorted(fitting, key=lambda each: not each.text.lower().startswith(word))
    if len(ordered) == 1 and ordered[0].text == place.word.strip("\"'"):
        return ()
    return tuple(ordered[:_MOST])


def _keys(place: Spot) -> tuple[Choice, ...]:
    info = describe(place.path)
    if info is None:
        return ()
    if place.kind == "key" and info.type.startswith("list of"):  # the dash is not written yet
        item = place._replace(path=(*place.path, 0), start=place.start + 2)
        return tuple(_key(item, key, "- ") for key in info.keys)
    return tuple(_key(place, key) for key in info.keys if key not in place.used or key == place.word)


def _key(place: Spot, key: str, dash: str = "") -> Choice:
    info: FieldInfo | None = describe((*place.path, key))
    kind = info.type if info else ""
    insert = key if place.followed else key + _opening(key, kind, " " * place.start)
    return Choice(key, dash + insert, kind, info.doc if info else "")


def _opening(key: str, kind: str, indent: str) -> str:
    """What follows a new key, so that its value can be typed at once."""
    if key in _LONG_TEXTS and kind == "text":
        return f": |\n{indent}  "
    if kind.startswith("list of"):
        return f":\n{indent}- "
    return f":\n{indent}  " if kind.startswith("mapping") else ": "


def _values(path: Path, names: Names) -> tuple[Choice, ...]:
    info = describe(path)
    doc = info.doc if info else ""
    if known := names.get(field_of(path)):
        return tuple(Choice(name, name, doc=doc) for name in known)
    if info is None:
        return ()
    words = ("true", "false") if info.type == "true or false" else info.choices
    return tuple(Choice(word or '""', word or '""', doc=doc) for word in words)


def field_of(path: Path) -> str:
    """`("base", 0)` as `base`, `("mounts", 0, "location")` as `mounts.location`."""
    return ".".join(part for part in path if isinstance(part, str))


def width_of(found: Sequence[Choice]) -> int:
    """Columns for a list of choices."""
    return min(60, _name_width(found) + max(len(each.type) for each in found) + 4)


def _name_width(found: Sequence[Choice]) -> int:
    return max(12, min(36, max(len(each.text) for each in found)))


def choice_line(choice: Choice, found: Sequence[Choice], cells: int) -> Line:
    """One of the choices as the list shows it."""
    return cut(((" ", ""), (fit(choice.text, _name_width(found)), ""), (f"  {choice.type}", "faint")), cells)
