"""Which keys the user may give to which action, and what stands against it. Pure."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from textual.binding import Binding, BindingType
from textual.keys import _character_to_key

Keys = tuple[str, ...]
Keymap = Mapping[str, Keys]
"""Keys as Textual names them, by the id of the action; no keys: it is only in the palette."""

_SIGNS = {_character_to_key(sign): sign for sign in string.punctuation}
_NAMES = frozenset({
    "space", "enter", "tab", "escape", "backspace", "delete", "insert", "home", "end", "pageup", "pagedown", "up",
    "down", "left", "right", *(f"f{number}" for number in range(1, 25)), *_SIGNS,
})
_ALSO = {"esc": "escape", "return": "enter", "del": "delete", "pgup": "pageup", "pgdn": "pagedown", " ": "space"}
_MODIFIERS = ("ctrl", "alt", "shift")
FIXED: Mapping[str, str] = {
    **dict.fromkeys(("j", "k", "down", "up"), "the cursor"),
    **dict.fromkeys(("g", "G", "home", "end", "pagedown", "pageup", "ctrl+d", "ctrl+u"), "the cursor"),
    **dict.fromkeys(("left", "right", "ctrl+pageup", "ctrl+pagedown"), "scrolling"),
    **dict.fromkeys(("ctrl+c", "super+c"), "copying"),
    **{str(number): f"pane {number}" for number in range(1, 10)},
    "left_square_bracket": "the pane before", "right_square_bracket": "the pane after",
    "enter": "going into the pane", "tab": "list or pane", "shift+tab": "list or pane", "escape": "back",
}
"""Keys of the main screen that are no action; they stay where they are."""


def known(name: str) -> str:
    """A key as Textual names it: `/`, `slash`, `ctrl+k`, `F5`; empty when no terminal sends such a key."""
    *modifiers, base = name.split("+") if len(name) > 1 else [name]
    base = _ALSO.get(base.lower(), base)
    if len(base) == 1 and base.isprintable():
        base = _character_to_key(base)
    elif base.lower() in _NAMES:
        base = base.lower()
    else:
        return ""
    if modifiers == ["shift"] and len(base) == 1:
        return base.upper()
    return "+".join((*modifiers, base)) if all(each in _MODIFIERS for each in modifiers) else ""


def shown(key: str) -> str:
    """A key as people write it."""
    *modifiers, base = key.split("+")
    name = base.upper() if base[0] == "f" and base[1:].isdigit() else _SIGNS.get(base, base)
    return "+".join((*modifiers, name))


def named(scope: str, bindings: Sequence[Binding]) -> list[BindingType]:
    """The bindings of a screen, a pane or a widget, so that the user may give them other keys: `logs.by-time`."""
    return [each if each.id else replace(each, id=f"{scope}.{slug(each)}") for each in bindings]


def slug(binding: Binding) -> str:
    """What a binding is called in the settings: its words, or its action where it has none."""
    words = binding.description or binding.action.rpartition(".")[2]
    return "-".join(re.findall(r"[a-z0-9]+", words.lower()))


def settle(wanted: Keymap, defaults: Keymap, fixed: Mapping[str, str] = FIXED
           ) -> tuple[dict[str, Keys], dict[str, str]]:
    """What of `wanted` comes into force, and why the rest does not: its action keeps the default then."""
    kept, refused = dict(wanted), {}
    while clash := _clash(kept, defaults, fixed):
        action, refused[action] = clash
        del kept[action]
    return kept, refused


def _clash(wanted: Keymap, defaults: Keymap, fixed: Mapping[str, str]) -> tuple[str, str] | None:
    holder = dict(fixed) | {key: action for action, keys in defaults.items() if action not in wanted for key in keys}
    for action, keys in wanted.items():
        for key in keys:
            if holder.setdefault(key, action) != action:
                return action, f"{shown(key)} is the key of {holder[key]}"
    return None


def like(name: str, names: Mapping[str, object]) -> str:
    """`, did you mean start?` for a name that nearly is one."""
    close = get_close_matches(name, list(names), 1)
    return f", did you mean {close[0]}?" if close else ""
