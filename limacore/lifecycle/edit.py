"""A new lima.yaml for an instance, or a new text for a template file: checked whole, written whole or not at all."""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path

from limacore.base import notice, yamlio, yq
from limacore.base.files import write_atomic
from limacore.base.goquote import ticked
from limacore.base.units import parse_size
from limacore.config.load import Loaded, load_text
from limacore.drivers import catalog
from limacore.errors import ConfigError, DriverError, LimaError
from limacore.lifecycle.guard import configured, held
from limacore.paths import HomePaths
from limacore.store import suspension

Edit = Callable[[str], str]


class Outcome(enum.Enum):
    """What became of an edit: nothing is written unless it changed something."""

    CHANGED = enum.auto()
    UNCHANGED = enum.auto()
    EMPTY = enum.auto()


class RejectedError(ConfigError):
    """A text that is YAML and breaks a rule; `text` is worth keeping for the user."""

    def __init__(self, message: str, text: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.text = text


def apply(home: HomePaths, name: str, expression: str) -> Outcome:
    """Apply an expression to an instance's lima.yaml; raises NotFoundError, LockedError, UsageError, ConfigError."""
    return _edit(home, name, lambda text: yq.evaluate(expression, text))


def replace(home: HomePaths, name: str, text: str) -> Outcome:
    """Give an instance another lima.yaml; raises as `apply`."""
    return _edit(home, name, lambda _: text)


def apply_to_file(path: Path, home: HomePaths, expression: str) -> Outcome:
    """Apply an expression to a template file, in place; a link keeps leading to the changed file."""
    return _changed(path, home, lambda text: yq.evaluate(expression, text))


def replace_file(path: Path, home: HomePaths, text: str) -> Outcome:
    """Give a template file another text."""
    return _changed(path, home, lambda _: text)


def _edit(home: HomePaths, name: str, edit: Edit) -> Outcome:
    paths = configured(home, name)
    with held(paths):
        outcome = _changed(paths.lima_yaml, home, edit)
    if outcome is Outcome.CHANGED and suspension.exists(paths):
        notice.warning(f"Instance {ticked(name)} is suspended: with another configuration it boots, and its memory is "
                       "lost")
    return outcome


def _changed(path: Path, home: HomePaths, edit: Edit) -> Outcome:
    before = yamlio.read(path)
    after = edit(before)
    if not after.strip():
        return Outcome.EMPTY
    if after == before:
        return Outcome.UNCHANGED
    require_usable(before, after, path, home)
    write_atomic(path.resolve(), after)
    return Outcome.CHANGED


def require_usable(before: str, after: str, path: Path, home: HomePaths) -> None:
    """Raise ConfigError unless a new text can be used in place of the old one: RejectedError for a broken rule."""
    present, loaded = (load_text(text, path, home, exists=True) for text in (before, after))
    for where, what in present.loose:
        if (where, what) not in loaded.loose:
            notice.warning("Non-strict YAML detected; please check for typos", comment=where, error=what)
    try:
        _require(present, loaded, after)
    except ConfigError:
        loaded.announce()
        raise
    loaded.announce(starting=True)


def _require(present: Loaded, loaded: Loaded, text: str) -> None:
    if loaded.refusal:
        raise ConfigError(loaded.refusal)
    require_driver(str(loaded.filled.get("vmType", "qemu")))
    if loaded.errors:
        raise RejectedError("\n".join(loaded.words), text, hint=_hints(loaded))
    if shrinking := _shrinking(present, loaded):
        raise RejectedError(shrinking, text, hint="a disk can grow only; make a smaller one for a new instance")


def require_driver(vm_type: str, before: str = "") -> None:
    """Raise ConfigError, its words after `before`, unless the driver can run here."""
    if vm_type == "qemu":
        return
    try:
        catalog.driver(vm_type)
    except DriverError as error:
        raise ConfigError(f"{before}unknown or unsupported VM type: {vm_type}",
                          hint=f"{error.detail}; {error.hint}") from error


def _hints(loaded: Loaded) -> str:
    return "; ".join(dict.fromkeys(each.hint for each in loaded.errors if each.hint))


def _shrinking(before: Loaded, after: Loaded) -> str:
    old, new = (str(each.filled.get("disk", "")) for each in (before, after))
    try:
        shrinks = bool(old) and parse_size(new) < parse_size(old)
    except LimaError:
        return ""  # what the file had before was no size either
    return f"field `disk`: shrinking the disk ({old} --> {new}) is not supported" if shrinks else ""


