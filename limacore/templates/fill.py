"""A template as an instance made of it would see it: everything embedded, all defaults filled in."""

from __future__ import annotations

from pathlib import Path

from limacore.base.goquote import ticked
from limacore.config.load import Loaded, load_text
from limacore.config.written import written
from limacore.errors import ConfigError
from limacore.paths import HomePaths
from limacore.templates import embed, locator


def pretended(name: str, home: HomePaths) -> Path:
    """Where a template's lima.yaml is said to be while it belongs to no instance."""
    return home.home / f"{name}.yaml"


def filled(name: str, home: HomePaths) -> dict[str, object]:
    """All fields of a template with `_config/base.yaml`, `default.yaml`, `override.yaml`; raises LimaError."""
    template = embed.opened(name, home)
    loaded = _loaded(template, home, with_base=True)
    if loaded.refusal:
        raise ConfigError(loaded.refusal)
    return shown(loaded)


def shown(loaded: Loaded, *, driver: bool = False) -> dict[str, object]:
    """The fields as `--fill` prints them; a driver that no file names is left out unless asked for."""
    values = written(loaded.filled)
    if not (driver or loaded.chosen_driver):
        values.pop("vmType", None)
    return values


def validated(name: str, home: HomePaths, *, with_base: bool = False) -> Loaded:
    """A template that can be used; raises ConfigError with every problem in limactl's words, and LimaError."""
    template = embed.opened(name, home)
    if template.locator == locator.STDIN:
        locator.name_of(template.locator)
    loaded = _loaded(template, home, with_base=with_base)
    if loaded.refusal:
        raise ConfigError(loaded.refusal, hint=_hint(loaded))
    if loaded.errors:
        raise ConfigError(f"failed to validate YAML file {ticked(name)}: " + "\n".join(loaded.words),
                          hint=_hint(loaded))
    return loaded


def _loaded(template: locator.Template, home: HomePaths, *, with_base: bool) -> Loaded:
    text = embed.embed(template, home, with_base=with_base, tell=True)
    loaded = load_text(text, pretended(template.name, home), home, exists=False)
    loaded.announce()
    return loaded


def _hint(loaded: Loaded) -> str:
    return "; ".join(dict.fromkeys(each.hint for each in loaded.errors if each.hint))
