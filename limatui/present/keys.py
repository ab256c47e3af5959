"""Footer, palette and help out of the list of actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from limacore.model.instance import Instance
from limatui.actions import ACTIONS, BY_ID, MOVES, Action, Subject, footer_actions, shown_key
from limatui.ink import Line, Span, fit, spread, width
from limatui.verbs import bulk

_LAST = ("palette", "back")
_KEYS = 14
"""Columns that keys have in the help."""
_FIRST_TO_GO = ("disks", "jobs", "filter")


class Key(Struct, frozen=True):
    """One entry of a footer."""

    key: str
    label: str
    enabled: bool = True
    action: str = ""


def list_keys(subject: Subject, marked: Sequence[Instance] = ()) -> tuple[Key, ...]:
    """The footer while the list has the keyboard; with marks, what can be done to all of them."""
    if marked:
        return tuple(_bulk_key(each, marked) for each in ACTIONS if each.id in bulk.VERBS)
    return tuple(
        Key(shown_key(each), each.word(subject), not each.reason(subject), each.id)
        for each in footer_actions() if each.id != "help"
    )


def group_keys(folded: bool) -> tuple[Key, ...]:
    """The footer on the head of a group."""
    words = {"mark": "mark all of it", "fold": "open" if folded else "fold", "group": "other groups"}
    kept = ("filter", "palette")
    return (*(Key(shown_key(BY_ID[each]), told, True, each) for each, told in words.items()),
            *(key for key in list_keys(None) if key.action in kept))


def _bulk_key(action: Action, marked: Sequence[Instance]) -> Key:
    can, _ = bulk.split(action.id, marked)
    count = f" {len(can)}" if can else ""
    return Key(shown_key(action), f"{bulk.word(action.id, marked)}{count}", bool(can) or action.id == "mark", action.id)


def renamed(keys: Sequence[Key], own: Mapping[str, str]) -> tuple[Key, ...]:
    """With the keys that the user gave to their actions."""
    return tuple(replace(each, key=own.get(each.action, each.key)) for each in keys)


def arrange(keys: Sequence[Key], cells: int) -> tuple[Key, ...]:
    """Those that fit: first the extras go, then what is impossible now, then what stands right; the palette stays."""
    kept = list(keys)
    while kept and _cells(kept) > cells:
        kept.pop(_dispensable(kept))
    return tuple(kept)


def _dispensable(keys: Sequence[Key]) -> int:
    extra = [index for index, key in enumerate(keys) if key.action in _FIRST_TO_GO]
    disabled = [index for index, key in enumerate(keys) if not key.enabled]
    rest = [index for index, key in enumerate(keys) if key.action not in _LAST]
    return next((some[-1] for some in (extra, disabled, rest) if some), len(keys) - 1)


def _cells(keys: Sequence[Key]) -> int:
    return sum(len(key.key) + len(key.label) + 3 for key in keys)


_HELP: Line = (("?", "dim"), (" help", "dim"))


def footer(keys: Sequence[Key], cells: int, right: Line = _HELP) -> Line:
    """The line: keys in the accent colour, what is impossible faint."""
    spans: list[Span] = [(" ", "")]
    for key in arrange(keys, _room(cells, right)):
        marks = ("bold accent-key", "dim") if key.enabled else ("faint", "faint")
        spans += [(key.key, marks[0]), (f" {key.label}  ", marks[1])]
    return spread(tuple(spans), (*right, (" ", "")), cells)


def _room(cells: int, right: Line) -> int:
    return cells - width(right) - 4


def key_at(keys: Sequence[Key], cells: int, column: int, right: Line = _HELP) -> Key | None:
    """The key drawn at a column, for the mouse."""
    place = 1
    for key in arrange(keys, _room(cells, right)):
        end = place + len(key.key) + 1 + len(key.label)
        if place <= column < end:
            return key
        place = end + 2
    return None


def matches(query: str) -> tuple[Action, ...]:
    """Actions whose label or help have all the words of `query`; those that begin with it first."""
    words = query.lower().split()
    found = [each for each in ACTIONS if all(word in f"{each.label} {each.help}".lower() for word in words)]
    return tuple(sorted(found, key=lambda each: not each.label.startswith(query.lower())))


def palette_line(action: Action, subject: Subject, cells: int) -> Line:
    """Key, label, what it does or why not, the equivalent command."""
    reason = action.reason(subject)
    command = action.command(subject) if not reason else ""
    told = reason or action.help
    left: Line = ((fit(shown_key(action), 7), "faint" if reason else "bold accent-key"),
                  (fit(action.word(subject), 14), "faint" if reason else ""), (told, "faint" if reason else "dim"))
    return spread(left, ((f" {command}", "faint"),), cells) if command and cells > 70 else left


def help_lines(console: Sequence[tuple[str, str]], cells: int) -> tuple[Line, ...]:
    """All keys, by group."""
    lines: list[Line] = []
    for group in ("instance", "list", "pane", "dashboard"):
        lines += [((group.upper(), "faint"),)]
        lines += [_help_line(shown_key(each), each.label, each.help, each.command(None), cells)
                  for each in ACTIONS if each.group == group and shown_key(each)]
        lines.append(())
    lines.append((("MOVING", "faint"),))
    lines += [_help_line(keys, "", told, "", cells) for keys, told in MOVES]
    return (*lines, *help_section("CONSOLE", console, cells))


def help_section(title: str, keys: Sequence[tuple[str, str]], cells: int) -> tuple[Line, ...]:
    """The keys of one pane, all of them told in full."""
    column = max((len(each) + 2 for each, _ in keys), default=0)
    found = tuple(_help_line(each, "", told, "", cells, max(_KEYS, column)) for each, told in keys)
    return ((), ((title, "faint"),), *found) if found else ()


def _help_line(keys: str, name: str, told: str, command: str, cells: int, column: int = _KEYS) -> Line:
    head: Line = ((fit(keys, column), "bold accent-key"), (fit(name, 14) if name else "", ""), (told, "dim"))
    return spread(head, ((f"  {command}", "faint"),), cells) if command and cells > 90 else head
