"""The three files that make a configuration, and the four ways in which a field is taken from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class Layers(Struct, frozen=True):
    """The instance's own file, `_config/default.yaml` and `_config/override.yaml`, typed, only what is set."""

    own: dict[str, Any]
    default: dict[str, Any]
    override: dict[str, Any]

    def below(self, key: str) -> Layers:
        """The same three for the mapping at `key`."""
        own, default, override = ((each.get(key) or {}) for each in (self.own, self.default, self.override))
        return Layers(own, default, override)

    def first(self, key: str, fallback: Any = None) -> Any:
        """The value of a scalar: override, then own, then default, then `fallback`."""
        for layer in (self.override, self.own, self.default):
            if layer.get(key) is not None:
                return layer[key]
        return fallback

    def chained(self, key: str) -> list[Any]:
        """A list: that of the override first, the default's last."""
        return [*self.override.get(key, ()), *self.own.get(key, ()), *self.default.get(key, ())]

    def rising(self, key: str) -> list[Any]:
        """A list whose later entries win: default, own, override."""
        return [*self.default.get(key, ()), *self.own.get(key, ()), *self.override.get(key, ())]

    def merged(self, key: str) -> dict[str, Any]:
        """A map: later layers replace whole values."""
        return {**self.default.get(key, {}), **self.own.get(key, {}), **self.override.get(key, {})}

    def scalars(self, defaults: Mapping[str, Any]) -> dict[str, Any]:
        """Several scalars at once; those without value and fallback are left out."""
        values = {key: self.first(key, fallback) for key, fallback in defaults.items()}
        return {key: value for key, value in values.items() if value is not None}
