"""Where keys of panes, screens and dialogs are declared, and what they are: for the settings file and the help.

Modules are imported when somebody asks: the first picture needs none of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from textual.binding import Binding

from limatui import actions
from limatui.settings.keymap import Keymap, Keys, shown

SCOPES: Mapping[str, tuple[str, ...]] = {
    "panes": ("screens.main:MainScreen",),
    "instances": ("widgets.table:InstanceTable",),
    "lists": ("widgets.picklist:PickList",),
    "console": ("screens.console:ConsolePane", "widgets.terminal.widget:Terminal"),
    "logs": ("screens.logs:LogsPane", "widgets.logs.view:LogView", "widgets.logs.ask:LogAsk",
             "widgets.logs.pick:PickLog"),
    "editor": ("widgets.editor.pane:TextPane", "widgets.editor.findline:FindLine",
               "widgets.editor.effective:EffectiveView", "widgets.editor.area:YamlEditor"),
    "disks": ("screens.disks:DisksPane",),
    "ports": ("screens.ports:PortsPane",),
    "mounts": ("screens.mounts:MountsPane",),
    "snapshots": ("screens.snapshots:SnapshotsPane",),
    "timeline": ("screens.timeline:TimelinePane",),
    "templates": ("screens.templates:TemplatesScreen", "screens.templates:TemplateEditor"),
    "new": ("screens.new:NewScreen", "widgets.form:Entry", "widgets.form:TemplateEntry"),
    "doctor": ("screens.doctor:DoctorScreen",),
    "jobs": ("screens.jobs:JobsScreen",),
    "events": ("screens.events:EventsScreen",),
    "cache": ("screens.cache:CacheScreen",),
    "settings": ("screens.settings:SettingsScreen",),
    "help": ("screens.help:HelpScreen",),
    "palette": ("verbs.palette:Palette",),
    "dialogs": ("widgets.ask:Fill", "widgets.ask:TypeName"),
}
"""By the name of their table below `[keys]` in the settings file: the classes that share one set of keys."""
_CURSOR = ("disks", "ports", "mounts", "snapshots", "doctor", "jobs", "events", "cache", "settings")
"""Scopes around a list whose cursor has keys, too."""


def bindings(scope: str) -> Iterator[Binding]:
    """Those of a scope, one for each name and key, in the order of their declaration."""
    for place in SCOPES[scope]:
        module, _, name = place.partition(":")
        declared = getattr(import_module(f"limatui.{module}"), name).__dict__["BINDINGS"]
        yield from (each for each in Binding.make_bindings(declared) if (each.id or "").startswith(f"{scope}."))


def defaults(scope: str) -> Keymap:
    """The keys that things of a scope have by themselves, by their names without the scope."""
    found: dict[str, Keys] = {}
    for each in bindings(scope):
        name = _name(each)
        found[name] = (*found.get(name, ()), each.key)
    return found


def fixed(scope: str) -> dict[str, str]:
    """Keys that work at the same place but belong to something else, and whose they are."""
    around = {"panes": ("instances",), "instances": ("panes",), "lists": _CURSOR}.get(scope, ())
    others = ("lists",) if scope in _CURSOR else around
    found = {each.key: "the cursor" if other in ("lists", "instances") else f"{other}.{_name(each)}"
             for other in reversed(others) for each in bindings(other)}
    if scope in ("panes", "instances"):
        found |= {key: action for action, keys in actions.DEFAULTS.items() for key in keys}
    return found


def sections() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """All keys in force, as the settings file calls them: the name of a table, then keys and names."""
    for scope in SCOPES:
        own = actions.rebound(scope)
        yield f"[keys.{scope}]", [(" ".join(map(shown, own.get(name, keys))) or "no key", name)
                                  for name, keys in defaults(scope).items()]


def _name(binding: Binding) -> str:
    return (binding.id or "").partition(".")[2]
