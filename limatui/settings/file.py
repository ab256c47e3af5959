"""What a user may choose: `$XDG_CONFIG_HOME/limatui/settings.toml`.

What cannot be used is told with its line, and the default stays; the dashboard always opens.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from limacore.errors import ConfigError, HostError
from limatui.actions import DEFAULTS
from limatui.present.rows import COLUMNS
from limatui.settings import keymap
from limatui.themes import THEMES

if TYPE_CHECKING:
    from limatui.settings.tomledit import Value

Refuse = Callable[[str, str], None]
"""Tells a problem: the key in the file, and why it is not used."""
REFRESH = (0.2, 60.0)
COUNTDOWN = (0, 60)


class Settings(Struct, frozen=True):
    """`lines` tells where in the file each that is set there stands, from 1; `problems` are lines for the user."""

    theme: str = "dark"
    columns: tuple[str, ...] = ()
    """Which, in which order; none: those that fit."""
    refresh: float = 1.0
    """Seconds between two looks at the instances."""
    countdown: int = 3
    """Seconds before a machine is stopped."""
    keys: Mapping[str, tuple[str, ...]] = {}
    """By the id of the action; `logs.search` for those of a pane or screen."""
    lines: Mapping[str, int] = {}
    problems: tuple[str, ...] = ()


def settings_file() -> Path:
    """Where the settings are kept."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "limatui" / "settings.toml"


def shown_file() -> str:
    """Its path as people write it."""
    return str(settings_file()).replace(str(Path.home()), "~", 1)


def load() -> Settings:
    """The settings, or the defaults."""
    try:
        text = settings_file().read_text("utf-8")
    except FileNotFoundError:
        return _for_this_terminal(Settings())
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        return _for_this_terminal(Settings(problems=(f"{shown_file()}: cannot be read: {told}",)))
    return _for_this_terminal(parse(text, shown_file()))


def _for_this_terminal(settings: Settings) -> Settings:
    """A terminal that knows 16 colours gets its own ones, unless the user chose."""
    few = os.environ.get("TERM", "") in ("linux", "vt100", "vt220", "ansi", "xterm", "screen") and \
        not os.environ.get("COLORTERM")
    return replace(settings, theme="ansi") if few and "theme" not in settings.lines else settings


def parse(text: str, file: str = "settings.toml") -> Settings:
    """Settings from TOML text."""
    import tomllib

    from limatui.settings.tomledit import statements

    try:
        tree = tomllib.loads(text)
        lines = {each.key: each.first + 1 for each in statements(text)}
    except (tomllib.TOMLDecodeError, ValueError) as error:
        return Settings(problems=(f"{file}: {error}: nothing of it is used",))
    return _read(tree, lines, file)


def _read(tree: Mapping[str, Any], lines: Mapping[str, int], file: str) -> Settings:
    fields: dict[str, Any] = {}
    problems: list[str] = []

    def refuse(key: str, why: str) -> None:
        line = lines.get(key) or next((at for name, at in lines.items() if name.startswith(f"{key}.")), 1)
        problems.append(f"{file}:{line}: {key}: {why}")

    for key, value in tree.items():
        if key == "keys":
            fields["keys"] = _keys(value, refuse)
        elif key not in _CHECKS:
            refuse(key, f"there is no such setting{keymap.like(key, {**_CHECKS, 'keys': 0})}")
        elif why := _CHECKS[key](value):
            refuse(key, why)
        else:
            fields[key] = tuple(value) if isinstance(value, list) else value
    used = {*(key for key in fields if key != "keys"), *(f"keys.{action}" for action in fields.get("keys", ()))}
    return Settings(**fields, lines={key: lines[key] for key in used if key in lines}, problems=tuple(problems))


def _theme(value: object) -> str:
    return "" if isinstance(value, str) and value in THEMES else f"it is one of {', '.join(THEMES)}"


def _columns(value: object) -> str:
    names = value if isinstance(value, list) and all(isinstance(each, str) for each in value) else None
    if names is None:
        return 'it is a list of names, such as ["name", "status"]'
    odd = next((each for each in names if each not in COLUMNS), None)
    if odd is not None:
        return f"there is no column {odd}: {', '.join(COLUMNS)}"
    return "a column stands there twice" if len(set(names)) < len(names) else ""


def _number(low: float, high: float, unit: str, *types: type) -> Callable[[object], str]:
    def check(value: object) -> str:
        fits = type(value) in types and low <= value <= high  # type: ignore[operator]
        return "" if fits else f"it is a number of seconds from {low:g} to {high:g}{unit}"
    return check


_CHECKS: dict[str, Callable[[object], str]] = {
    "theme": _theme, "columns": _columns, "refresh": _number(*REFRESH, "", int, float),
    "countdown": _number(*COUNTDOWN, ", without a fraction", int),
}


def _keys(table: object, refuse: Refuse) -> dict[str, keymap.Keys]:
    if not isinstance(table, dict):
        refuse("keys", "it is a table: [keys]")
        return {}
    inner = {name: value for name, value in table.items() if isinstance(value, dict)}
    own = {name: value for name, value in table.items() if name not in inner}
    return {**_settled("keys", own, DEFAULTS, keymap.FIXED, refuse),
            **{f"{scope}.{name}": keys for scope, names in inner.items()
               for name, keys in _keys_of_scope(scope, names, refuse).items()}}


def _keys_of_scope(scope: str, names: Mapping[str, object], refuse: Refuse) -> dict[str, keymap.Keys]:
    from limatui.settings import scopes

    if scope not in scopes.SCOPES:
        refuse(f"keys.{scope}", f"no keys are called so{keymap.like(scope, scopes.SCOPES)}")
        return {}
    return _settled(f"keys.{scope}", names, scopes.defaults(scope), scopes.fixed(scope), refuse)


def _settled(table: str, values: Mapping[str, object], defaults: keymap.Keymap, fixed: Mapping[str, str],
             refuse: Refuse) -> dict[str, keymap.Keys]:
    """What of a table comes into force; the rest is refused."""
    wanted: dict[str, keymap.Keys] = {}
    for action, value in values.items():
        names = [value] if isinstance(value, str) else value
        why = _odd_keys(action, names, defaults)
        if why:
            refuse(f"{table}.{action}", why)
        else:
            wanted[action] = tuple(keymap.known(each) for each in names if each)  # type: ignore[attr-defined]
    kept, refused = keymap.settle(wanted, defaults, fixed)
    for action, why in refused.items():
        keeps = " ".join(map(keymap.shown, defaults[action])) or "no key"
        refuse(f"{table}.{action}", f"{why}; {action} keeps {keeps}")
    return kept


def _odd_keys(action: str, names: object, known: keymap.Keymap) -> str:
    if action not in known:
        return f"there is no such action{keymap.like(action, known)}"
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        return 'it is a key or a list of keys, such as "w" or ["w", "ctrl+w"]'
    odd = next((each for each in names if each and not keymap.known(each)), None)
    return f"there is no key {odd}" if odd is not None else ""


def save(key: str, value: Value) -> dict[str, int]:
    """Set one in the file, whose other lines stay; returns the lines of all that is in force there now.

    Raises HostError or ConfigError when it cannot be written.
    """
    from limacore.base.files import write_atomic, write_failed
    from limatui.settings.tomledit import put

    path = settings_file().resolve()  # a link into a directory of dotfiles stays one
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text("utf-8") if path.exists() else ""
    except OSError as error:
        raise write_failed(path, error) from error
    except UnicodeDecodeError as error:
        raise HostError(f"cannot change `{path}`", detail="it is not UTF-8") from error
    try:
        changed = put(text, key, value)
    except ValueError as error:
        raise ConfigError(f"cannot change `{path}`", detail=str(error), hint=f"put it right, or set {key} there") \
            from error
    write_atomic(path, changed, path.stat().st_mode & 0o777 if path.exists() else 0o644)
    return dict(parse(changed).lines)
