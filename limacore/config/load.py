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

from limacore.base import externals, notice, yamlio
from limacore.base.goquote import ticked
from limacore.config import unmarshal
from limacore.config.coerce import Coercion
from limacore.config.defaults import Filling
from limacore.config.driverfills import FILLS
from limacore.config.layers import Layers
from limacore.config.rules import experimental, ignored, validate
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
    text: str = ""
    where: str = ""
    """Which file it is, as limactl says it."""

    @property
    def failed(self) -> Problem | None:
        """The first problem that makes the file unusable."""
        return next((each for each in self.problems if each.severity == "error"), None)


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
    refusal: str = ""
    """What makes the whole unusable, in limactl's words; it is told alone, before any rule is asked."""
    loose: tuple[tuple[str, str], ...] = ()
    """Files with unknown fields, and which, in limactl's words."""

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Problems that forbid use."""
        return tuple(each for each in self.problems if each.severity == "error")

    @property
    def words(self) -> tuple[str, ...]:
        """What is wrong in limactl's words; nothing when it can be used."""
        return (self.refusal,) if self.refusal else tuple(each.told for each in self.errors)

    def require(self, name: str) -> Config:
        """The config; raises ConfigError with all errors when there are any. `name` is for the hint."""
        if self.config is None or self.errors:
            raise ConfigError("\n".join(self.words), hint=self._hint(name))
        return self.config

    def _hint(self, name: str) -> str:
        lines = sorted({each.line for each in self.errors if each.line})
        places = f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))} of {name}" if lines else name
        return "; ".join(dict.fromkeys([f"correct {places}", *(each.hint for each in self.errors if each.hint)]))

    def announce(self, *, starting: bool = False) -> None:
        """Tell the user of all warnings, as limactl logs them when it reads such a file, or makes an instance of it."""
        for where, what in self.loose:
            notice.warning("Non-strict YAML detected; please check for typos", comment=where, error=what)
        for each in self.problems:
            unknown = each.told.startswith("unknown field ")
            if each.severity == "warning" and not unknown and (starting or not each.at_start):
                tell = notice.error if each.loud else notice.warning
                tell(each.told, **({"error": each.cause} if each.cause else {}))
        for text in (*ignored(self.filled), *experimental(self.filled)) if starting and self.config else ():
            notice.warning(text)


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
    own = typed(text, setting.yaml_path, f"main file {ticked(setting.yaml_path)}")
    sides = side_file(home.default_yaml, "default"), side_file(home.override_yaml, "override")
    files = (own, *sides)
    # Lines of another file would mislead in an editor of lima.yaml.
    elsewhere = [replace(each, line=0, column=0) for file in sides for each in file.problems]
    unreadable = [*own.problems, *elsewhere]
    loose = tuple((file.where, what) for file in files if (what := unmarshal.loose(file.problems, file.text)))
    places = _Places(own.root)
    unused = [places.put(each) for each in unused_params(own.values)]
    layers = Layers(own.values, *(each.values for each in sides))
    refusal = next((_refusal(file) for file in files if file.failed), "")
    if refusal or unused:
        wrong = unreadable if any(each.failed for each in sides) or own.root is None else [
            *unreadable, *_others(own, [*unused, *_filled(layers, setting, places, [], home).problems])]
        return Loaded(None, own.values, problems=tuple(wrong), refusal=refusal or unused[0].told, loose=loose)
    return replace(_filled(layers, setting, places, unreadable, home), loose=loose)


def _others(own: Typed, found: list[Problem]) -> list[Problem]:
    """Problems that are none only because a value beside them was left out for not fitting."""
    misfits = {_top(each) for each in own.problems if each.severity == "error"}
    return [each for each in found if _top(each) not in misfits]


def _top(problem: Problem) -> str:
    return problem.path.partition(".")[0].partition("[")[0]


def _refusal(file: Typed) -> str:
    return unmarshal.failure(file.where, file.text, file.failed).message if file.failed else ""


def _filled(layers: Layers, setting: Setting, places: _Places, before: list[Problem], home: HomePaths) -> Loaded:
    filling = Filling(layers, setting)
    filled = filling.fill()
    chosen = "vmType" in filled
    filled["vmType"] = filled["vmType"] if chosen else default_driver(filled["arch"], setting)
    if not _is_known(filled["vmType"], setting):
        unknown = Problem(path="vmType", message=f"vmType {ticked(filled['vmType'])} is not a registered driver",
                          hint="use `qemu`, or leave it out")
        return Loaded(None, layers.own, filled, (*before, places.put(unknown)), chosen, unknown.told)
    found = [places.put(each) for each in (*filling.problems, *validate(filled, home))]
    fill_driver = FILLS.get(filled["vmType"])
    for_driver = fill_driver(filled, setting) if fill_driver else filled
    return Loaded(msgspec.convert(for_driver, Config), layers.own, filled, (*before, *found), chosen)


def _is_known(vm_type: str, setting: Setting) -> bool:
    ours = vm_type in _KNOWN_DRIVERS or (vm_type == "krunkit" and setting.host.os == "darwin")
    return ours or externals.find(vm_type) is not None


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


def typed(text: str, name: str, where: str = "") -> Typed:
    """The values of one file; a text that is no YAML gives one problem."""
    try:
        root = yamlio.parse(text, name)
    except yamlio.YamlError as error:
        return Typed(problems=(unmarshal.syntax(error),), text=text, where=where or name)
    coercion = Coercion()
    values = coercion.mapping(root, config_shape())
    return Typed(values, tuple(coercion.problems), root, text, where or name)


def side_file(path: Path, kind: str = "") -> Typed:
    """`default.yaml` or `override.yaml`, empty when there is none; parsed again only when it changed."""
    try:
        state = path.stat()
    except OSError:
        return Typed()
    return _side_file(path, kind, (state.st_mtime_ns, state.st_size, state.st_ino))


@functools.lru_cache(maxsize=16)
def _side_file(path: Path, kind: str, state: tuple[int, int, int]) -> Typed:
    where = f"{kind} file {ticked(str(path))}" if kind else str(path)
    try:
        file = typed(yamlio.read(path), str(path), where)
    except (NotFoundError, ConfigError) as error:
        return Typed(problems=(Problem(path="", message=error.message),), where=where)
    return replace(file, values={key: value for key, value in file.values.items() if key != "base"},
                   problems=tuple(replace(each, message=_named(path, each)) for each in file.problems))


def _named(path: Path, problem: Problem) -> str:
    at = f":{problem.line}" if problem.line else ""
    return problem.message if str(path) in problem.message else f"{path}{at}: {problem.message}"
