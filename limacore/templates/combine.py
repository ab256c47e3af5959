"""Entries of a list that name the same thing become one: the first keeps what it sets, later ones fill the rest."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

_Key = Callable[[Any], str]


def _disk_key(entry: Any) -> str:
    return str((entry.get("name") if isinstance(entry, dict) else entry) or "")


def _mount_key(entry: Any) -> str:
    return str(entry.get("mountPoint") or entry.get("location") or "") if isinstance(entry, dict) else ""


def _network_key(entry: Any) -> str:
    return str(entry.get("interface") or "") if isinstance(entry, dict) else ""


_KEYS: dict[str, _Key] = {"additionalDisks": _disk_key, "mounts": _mount_key, "networks": _network_key}
_EVERYTHING = "*"


def would_change(data: dict[str, Any]) -> bool:
    """Whether any list has two entries that name the same thing, or a `*` entry."""
    for part, key_of in _KEYS.items():
        keys = [key_of(each) for each in data.get(part) or ()]
        named = [key for key in keys if key]
        if len(named) != len(set(named)) or _EVERYTHING in named:
            return True
    return False


def combine(data: Any) -> None:
    """Join such entries in place."""
    for part, key_of in _KEYS.items():
        entries = data.get(part)
        if isinstance(entries, list) and would_change({part: entries}):
            _combine(entries, part, key_of)


def _combine(entries: Any, part: str, key_of: _Key) -> None:
    number = 0
    while number < len(entries):
        key = key_of(entries[number])
        earlier = [at for at in range(number) if key and (key == _EVERYTHING or key_of(entries[at]) == key)]
        if not earlier and key != _EVERYTHING:
            number += 1
            continue
        for at in earlier:
            entries[at] = _filled(entries[at], entries[number], part)
        del entries[number]


def _filled(entry: Any, later: Any, part: str) -> Any:
    if not isinstance(later, dict):
        return entry
    if not isinstance(entry, dict):
        entry = {"name": entry}
    for name, value in later.items():
        if part == "networks" and name in ("lima", "socket") and (entry.get("lima") or entry.get("socket")):
            continue
        if name in ("name", "location", "interface"):
            continue
        _fill(entry, name, value)
    return entry


def _fill(entry: Any, name: str, value: Any) -> None:
    # An entry for everything goes into several: shared values would be written as anchors.
    if name not in entry:
        entry[name] = copy.deepcopy(value)
    elif isinstance(entry[name], dict) and isinstance(value, dict):
        for inner, each in value.items():
            entry[name].setdefault(inner, copy.deepcopy(each))
