"""The settings as lines: what is in force, where it comes from, and what a key would make of it. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec import Struct

from limatui.actions import ACTIONS, keys_of
from limatui.ink import Line, fit, spread
from limatui.present.rows import COLUMNS
from limatui.settings import keymap
from limatui.settings.file import Settings
from limatui.settings.tomledit import Value
from limatui.themes import THEMES

_REFRESHES = (0.5, 1.0, 2.0, 5.0, 10.0)
_COUNTDOWNS = (0, 1, 2, 3, 5, 10)
_NAME = 16
USUAL = ("name", "status", "cpu", "memory", "disk", "ssh", "up")
"""The columns that there are when the user chose none and the window is wide."""


class Item(Struct, frozen=True):
    """One thing that can be set; `key` is its name in the file."""

    key: str
    name: str
    value: str
    told: str


def items(settings: Settings) -> tuple[Item, ...]:
    """Everything, in the order of the screen."""
    return (
        Item("theme", "theme", settings.theme, "colours"),
        Item("refresh", "refresh", f"{settings.refresh:g} s", "between two looks at the instances"),
        Item("countdown", "countdown", f"{settings.countdown} s", "in which a stop can be called off"),
        *(_column(settings, name) for name in _order(settings)),
        *(Item(f"keys.{each.id}", each.label, " ".join(map(keymap.shown, keys_of(each))) or "no key", each.help)
          for each in ACTIONS),
    )


def _column(settings: Settings, name: str) -> Item:
    number = shown(settings).index(name) + 1 if name in shown(settings) else 0
    value = f"✓ {number}" if number else "hidden"
    told = "" if settings.columns or name != USUAL[0] else "as many as fit, until you choose"
    return Item(f"columns.{name}", f"column {name}", value, told)


def shown(settings: Settings) -> tuple[str, ...]:
    """The columns that are wanted."""
    return settings.columns or USUAL


def _order(settings: Settings) -> tuple[str, ...]:
    seen = shown(settings)
    return (*seen, *(each for each in COLUMNS if each not in seen))


def source(settings: Settings, item: Item, file: str) -> str:
    """Where it comes from: a line of the file, the terminal, or built in."""
    key = "columns" if item.key.startswith("columns.") else item.key
    if key in settings.lines:
        return f"{file}:{settings.lines[key]}"
    return "for this terminal" if key == "theme" and settings.theme != "dark" else "built in"


def turned(settings: Settings, item: Item, step: int) -> tuple[str, Value] | None:
    """The name in the file and the value that `<` or `>` leads to; None for what cannot be turned."""
    if item.key == "theme":
        names = list(THEMES)
        return "theme", names[(names.index(settings.theme) + step) % len(names)]
    if item.key == "refresh":
        return "refresh", _next(_REFRESHES, settings.refresh, step)
    if item.key == "countdown":
        return "countdown", int(_next(_COUNTDOWNS, settings.countdown, step))
    if item.key.startswith("columns."):
        moved = _moved(shown(settings), item.key.removeprefix("columns."), step)
        return ("columns", moved) if moved is not None else None
    return None


def _next(steps: Sequence[float], now: float, step: int) -> float:
    further = [each for each in steps if (each - now) * step > 0]
    return (further[0] if step > 0 else further[-1]) if further else now


def _moved(order: Sequence[str], name: str, step: int) -> tuple[str, ...] | None:
    if name not in order:
        return None
    rest = [each for each in order if each != name]
    rest.insert(max(0, min(len(rest), order.index(name) + step)), name)
    return tuple(rest)


def toggled(settings: Settings, item: Item) -> tuple[str, Value] | None:
    """The columns with this one shown at the end, or hidden; the name stays."""
    name = item.key.removeprefix("columns.")
    if not item.key.startswith("columns.") or name == "name":
        return None
    seen = shown(settings)
    return "columns", tuple(each for each in seen if each != name) if name in seen else (*seen, name)


def line(settings: Settings, item: Item, file: str, cells: int) -> Line:
    """Name, value, what it is; where it comes from on the right."""
    where = source(settings, item, file)
    own = where != "built in"
    left: Line = (("  ", ""), (fit(item.name, _NAME), ""),
                  (fit(item.value, 16), "accent-key" if item.key.startswith("keys.") else "number"), (item.told, "dim"))
    return spread(left, ((f"  {where} ", "number" if own else "faint"),), cells)


def assignment(settings: Settings, item: Item) -> str:
    """What stands for it in the file, or would."""
    if item.key.startswith("columns."):
        return f"columns = {json.dumps(shown(settings))}"
    if item.key.startswith("keys."):
        action = next(each for each in ACTIONS if each.id == item.key.removeprefix("keys."))
        keys = [keymap.shown(each) for each in keys_of(action)]
        return f"[keys]  {action.id} = {json.dumps(keys[0] if len(keys) == 1 else keys)}"
    return f"{item.key} = {json.dumps(getattr(settings, item.key))}"
