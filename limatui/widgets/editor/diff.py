"""How two texts differ: lines to mark in the gutter, places to count, and the change as people read it. All pure."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import takewhile

from limatui.ink import Line
from limatui.present.words import plural

_AROUND = 2
"""Lines shown before and after a change."""
Block = tuple[str, int, int, int, int]


@lru_cache(maxsize=4)
def blocks(before: str, after: str) -> tuple[Block, ...]:
    """The places that differ as `(tag, old start, old end, new start, new end)`, lines from 0 on.

    What both have at the beginning and at the end is left out first: while one types, that is nearly everything, and
    comparing a thousand lines with each key would be felt.
    """
    old, new = before.split("\n"), after.split("\n")
    head = _common(zip(old, new, strict=False))
    tail = _common(zip(reversed(old[head:]), reversed(new[head:]), strict=False))
    middle = SequenceMatcher(a=old[head:len(old) - tail], b=new[head:len(new) - tail], autojunk=False)
    return tuple((tag, a + head, b + head, c + head, d + head)
                 for tag, a, b, c, d in middle.get_opcodes() if tag != "equal")


def _common(pairs: Iterator[tuple[str, str]]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def changed_lines(before: str, after: str) -> frozenset[int]:
    """The numbers, from 0 on, of the lines of `after` that `before` does not have."""
    return frozenset(row for *_, start, end in blocks(before, after) for row in range(start, end))


def count_changes(before: str, after: str) -> int:
    """How many places differ."""
    return len(blocks(before, after))


def diff(before: str, after: str) -> tuple[Line, ...]:
    """The change as people read it: two lines around each place, minus and plus."""
    old, new = before.split("\n"), after.split("\n")
    found = blocks(before, after)
    starts = [*(start for *_, start, _ in found[1:]), len(new) - (not new[-1])]
    lines: list[Line] = []
    shown = -1
    for (_, first, last, start, end), following in zip(found, starts, strict=False):
        lead = max(shown, start - _AROUND, 0)
        if lead > shown:
            lines.append(((f"line {lead + 1}", "faint"),))
        shown = max(end, min(end + _AROUND, following))
        lines += [_context(text) for text in new[lead:start]]
        lines += [((f"- {text}", "bad"),) for text in old[first:last]]
        lines += [((f"+ {text}", "running"),) for text in new[start:end]]
        lines += [_context(text) for text in new[end:shown]]
    return tuple(lines)


def _context(text: str) -> Line:
    return ((f"  {text}", "dim"),)


def title(before: str, after: str) -> str:
    """`2 places, +3 −1 lines`."""
    found = blocks(before, after)
    more = sum(end - start for *_, start, end in found)
    less = sum(last - first for _, first, last, _, _ in found)
    return f"{plural(len(found), 'place')}, +{more} −{less} lines"
