"""From lima.yaml to a Config: parse, merge `_config/default.yaml` and `override.yaml`, fill, check."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from yaml.nodes import Node

from limacore.base import yamlio
from limacore.config.coerce import Coercion
from limacore.config.defaults import FILLS, Filling
from limacore.config.layers import Layers
from limacore.config.rules import validate
from limacore.config.rules.guest import unused_params
from limacore.config.setting import Setting, setting_of
from limacore.config.shape import config_shape
from limacore.errors import ConfigError, NotFoundError
from limacore.model.config import Config, Problem
from limacore.paths import HomePaths

_KNOWN_DRIVERS = ("qemu", "vz", "wsl2")


class Typed(Struct, frozen=True):
    """One file: the values that fit the schema, and what does not."""

    values: dict[str, Any] = {}
    problems: tuple[Problem, ...] = ()
    root: Node | None = None


class Loaded(Struct, frozen=True):
    """A lima.yaml with everything that was found about it; `config` is None when it cannot be read at all."""

    config: Config | None
    raw: dict[str, Any] = {}
    """What the file itself sets, typed."""
    filled: dict[str, Any] = {}
    """All fields by their YAML names, without what the driver adds; the driver is resolved."""
    problems: tuple[Problem, ...] = ()
    chosen_driver: bool = False
    """Whether a file names the driver, rather than the default of this host."""

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Problems that forbid use."""
        return tuple(each for each in self.problems if each.severity == "error")

    def require(self, name: str) -> Config:
        """The config; raises ConfigError with all errors when there are any."""
        if self.config is None or self.errors:
            raise ConfigError(f"`{name}` cannot be used", detail=in_words(self.errors), hint="correct it and try again")
        return self.config


def in_words(problems: Iterable[Problem]) -> str:
    """One line a problem: the place, what is wrong, what to do."""
    return "\n".join(
        f"{f'line {each.line}: ' if each.line else ''}{each.message}{f' ({each.hint})' if each.hint else ''}"
        for each in problems
    )


def load(path: Path, home: HomePaths, *, exists: bool | None = None) -> Loaded:
    """The configuration at `path`; raises NotFoundError, and ConfigError for a file that is no text."""
    return load_text(yamlio.read(path), path, home, exists=exists)


def load_text(text: str, path: Path, home: HomePaths, *, exists: bool | None = None) -> Loaded:
    """The configuration in `text`, which is or will be at `path`; what is wrong with it is in `problems`."""
    return load_layers(text, setting_of(path, home, exists=exists), home)


def load_layers(text: str, setting: Setting, home: HomePaths) -> Loaded:
    """The configuration in `text` under `setting`, with the home's default and override files."""
    own = typed(text, setting.yaml_path)
    default, override = side_file(home.default_yaml), side_file(home.override_yaml)
    unreadable = [each for file in (own, default, override) for each in file.problems]
    if any(each.severity == "error" for each in unreadable):
        return Loaded(None, own.values, problems=tuple(unreadable))
    places = _Places(own.root)
    if unused := [places.put(each) for each in unused_params(own.values)]:
        return Loaded(None, own.values, problems=(*unreadable, *unused))
    return _filled(Layers(own.values, default.values, override.values), setting, places, unreadable)


def _filled(layers: Layers, setting: Setting, places: _Places, before: list[Problem]) -> Loaded:
    filling = Filling(layers, setting)
    filled = filling.fill()
    chosen = "vmType" in filled
    filled["vmType"] = filled["vmType"] if chosen else default_driver(filled["arch"], setting)
    if filled["vmType"] not in _KNOWN_DRIVERS:
        unknown = Problem(path="vmType", message=f"vmType `{filled['vmType']}` is not a registered driver",
                          hint="use `qemu`, or leave it out")
        return Loaded(None, layers.own, filled, (*before, places.put(unknown)), chosen)
    found = [places.put(each) for each in (*filling.problems, *validate(filled))]
    fill_driver = FILLS.get(filled["vmType"])
    for_driver = fill_driver(filled, setting) if fill_driver else filled
    return Loaded(msgspec.convert(for_driver, Config), layers.own, filled, (*before, *found), chosen)


def default_driver(arch: str, setting: Setting) -> str:
    """The driver when no file names one."""
    return "vz" if setting.host.os == "darwin" and arch == setting.host.arch else "qemu"


class _Places:
    """Finds the line of a problem in the instance's own file; asked only when there is a problem."""

    def __init__(self, root: Node | None) -> None:
        self.root = root
        self.lines: dict[str, tuple[int, int]] | None = None

    def put(self, problem: Problem) -> Problem:
        if problem.line or self.root is None:
            return problem
        if self.lines is None:
            self.lines = {yamlio.dotted(path): place for path, place in yamlio.node_positions(self.root).items()}
        path = problem.path
        while path:
            if place := self.lines.get(path):
                return replace(problem, line=place[0], column=place[1])
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return problem


def typed(text: str, name: str) -> Typed:
    """The values of one file; a text that is no YAML gives one problem."""
    try:
        root = yamlio.parse(text, name)
    except yamlio.YamlError as error:
        return Typed(problems=(Problem(path="", message=error.message, hint=error.hint, line=error.line,
                                       column=error.column),))
    coercion = Coercion()
    values = coercion.mapping(root, config_shape())
    return Typed(values, tuple(coercion.problems), root)


def side_file(path: Path) -> Typed:
    """`default.yaml` or `override.yaml`, empty when there is none; parsed again only when it changed."""
    try:
        state = path.stat()
    except OSError:
        return Typed()
    return _side_file(path, (state.st_mtime_ns, state.st_size, state.st_ino))


@functools.lru_cache(maxsize=16)
def _side_file(path: Path, state: tuple[int, int, int]) -> Typed:
    try:
        file = typed(yamlio.read(path), str(path))
    except (NotFoundError, ConfigError) as error:
        return Typed(problems=(Problem(path="", message=str(error)),))
    # Lines of another file would mislead in an editor of lima.yaml: they go into the message.
    named = tuple(
        replace(each, message=f"{path}:{each.line}: {each.message}" if each.line else each.message, line=0, column=0)
        for each in file.problems
    )
    return Typed({key: value for key, value in file.values.items() if key != "base"}, named)
