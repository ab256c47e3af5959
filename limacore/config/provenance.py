"""Where each value of a filled configuration comes from: which of the files, and the line in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from limacore.base import yamlio
from limacore.base.yamlio import YamlPath
from limacore.config.defaults import Filling
from limacore.config.driverfills import FILLS
from limacore.config.layers import Layers
from limacore.config.load import load_layers, side_file, typed
from limacore.config.setting import Setting, setting_of
from limacore.config.shape import find
from limacore.config.written import flow, written
from limacore.model.template import Effective
from limacore.paths import HomePaths

BUILT_IN = "built in"
_NAMES = ("override", "instance", "default")
_CHAINED = frozenset(("images", "additionalDisks", "mountTypesUnsupported", "firmware.images", "provision",
                      "containerd.archives", "probes", "portForwards", "copyToHost"))
_OWN_ONLY = frozenset(("base", "minimumLimaVersion", "cpuType", "message", "rosetta"))
_WHOLE = frozenset(("vmOpts", "osOpts"))
"""Maps whose values are taken from one file as a whole."""
_FIRST_SETS = {"mounts": ("location", "mountPoint"), "networks": ("interface",)}
"""What the first of several merged entries decides; of all else it is the last that sets it."""
_STANDS_FOR = {"guestPortRange": ("guestPort",), "hostPortRange": ("hostPort", "guestPortRange", "guestPort"),
               "guestIP": ("guestIPMustBeZero",), "guestIPMustBeZero": ("guestIP",), "mountPoint": ("location",)}


def effective(text: str, path: Path, home: HomePaths) -> tuple[Effective, ...]:
    """Every value that a lima.yaml text at `path` leads to, in the order of the schema; none for an unusable text."""
    setting = setting_of(path, home)
    loaded = load_layers(text, setting, home)
    if not loaded.filled:
        return ()
    files = (side_file(home.override_yaml), typed(text, str(path)), side_file(home.default_yaml))
    places = tuple(yamlio.node_positions(file.root) if file.root else {} for file in files)
    origins = _Origins(tuple(map(_File, _NAMES, (file.values for file in files), places)), setting)
    fill = FILLS.get(loaded.filled["vmType"])
    values = written(fill(loaded.filled, setting) if fill else loaded.filled)
    return tuple(Effective(where, flow(value), *origins.of(where)) for where, value in _leaves(values, ()))


def _leaves(value: Any, path: YamlPath) -> Iterator[tuple[YamlPath, Any]]:
    shape = find(path)
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, (*path, key))
    elif isinstance(value, list) and value and not (shape and shape.kind == "range"):
        for number, each in enumerate(value):
            yield from _leaves(each, (*path, number))
    else:
        yield path, value


class _File(Struct, frozen=True):
    name: str
    values: dict[str, Any]
    places: dict[YamlPath, tuple[int, int]]

    def at(self, path: YamlPath) -> Any:
        """The value at a path, None when nothing is set there."""
        value: Any = self.values
        for part in path:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value

    def origin(self, path: YamlPath) -> tuple[str, int]:
        """This file, and the line of what is at the path or of what holds it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.name, self.places.get(path, (0, 0))[0]


Entry = tuple[_File, int]
"""An item of a list in one of the files."""


class _Origins:
    def __init__(self, files: tuple[_File, ...], setting: Setting) -> None:
        self.files = files
        self.override, self.own, self.default = files
        self.filling = Filling(Layers(self.own.values, self.default.values, self.override.values), setting)
        self.groups: dict[str, list[list[Entry]]] = {}

    def of(self, path: YamlPath) -> tuple[str, int]:
        number = next((at for at, part in enumerate(path) if isinstance(part, int)), None)
        if number is None:
            return self._single(path)
        return self._item(path[:number], int(path[number]), path[number + 1:])

    def _single(self, path: YamlPath) -> tuple[str, int]:
        files = (self.own,) if path[0] in _OWN_ONLY else self.files
        decisive = path[:2] if path[0] in _WHOLE else path
        for file in files:
            value = file.at(decisive)
            if value is None or (path == ("video", "display") and not value):
                continue
            if path[0] in ("cpus", "memory", "disk", "os", "arch") and value in (0, "", "default"):
                break
            if file.at(path) is not None:
                return file.origin(path)
            break
        if path[:3] == ("vmOpts", "qemu", "cpuType") and self.own.at(("cpuType", *path[3:])) is not None:
            return self.own.origin(("cpuType", *path[3:]))
        return BUILT_IN, 0

    def _item(self, where: YamlPath, number: int, rest: YamlPath) -> tuple[str, int]:
        name = ".".join(map(str, where))
        if name not in self.groups:
            self.groups[name] = self._entries(name, where)
        entries = self.groups[name][number] if number < len(self.groups[name]) else []
        if not rest or rest[0] not in _FIRST_SETS.get(name, ()):
            entries = entries[::-1]
        for key in (None, *_STANDS_FOR.get(str(rest[0]) if rest else "", ())):
            wanted = rest if key is None else (key,)
            for file, at in entries:
                value = file.at((*where, at, *wanted))
                if value is not None and value != [0, 0]:
                    return file.origin((*where, at, *wanted))
        return BUILT_IN, 0

    def _entries(self, name: str, where: YamlPath) -> list[list[Entry]]:
        """For each item of the filled list the entries that it was made of, the first of them first."""
        if name == "dns":
            chosen = next((file for file in self.files if any(file.at(where) or ())), None)
            return [[(chosen, at)] for at, each in enumerate(chosen.at(where)) if each] if chosen else []
        if name in _CHAINED:
            return [[each] for file in self.files for each in _numbered(file, where)]
        rising = [each for file in reversed(self.files) for each in _numbered(file, where)]
        keys: list[Any] = [self._key(name, file.at((*where, at))) for file, at in rising]
        merged: dict[Any, list[Entry]] = {}
        for number, (key, entry) in enumerate(zip(keys, rising, strict=True)):
            merged.setdefault(key if key else number, []).append(entry)
        return list(merged.values())

    def _key(self, name: str, entry: Any) -> Any:
        if name == "mounts":
            values = self.filling.setting.guest_values(self.filling.fill_user("Linux"), self.filling.param)
            return ("at", self.filling.placed(dict(entry), "", values)["mountPoint"])
        return entry.get("interface") if isinstance(entry, dict) else ("text", entry)


def _numbered(file: _File, where: YamlPath) -> list[Entry]:
    return [(file, number) for number in range(len(file.at(where) or ()))]
