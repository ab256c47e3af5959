"""Textual without what the dashboard does not need: its own command palette, which brings ten widgets to the start, and
what it remembers of widgets that are gone."""

from __future__ import annotations

import sys
from functools import lru_cache, partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App

_PALETTE = "textual.command"
_NAMES = ("CommandListItem", "CommandPalette", "DiscoveryHit", "Hit", "Hits", "Provider", "SimpleProvider")
"""What the app and its themes take from there, for what is never called: ENABLE_COMMAND_PALETTE is off."""


def import_textual() -> None:
    """Import `textual.app` in nine tenths of the time; whoever asks for the palette later gets the real one."""
    if _PALETTE in sys.modules:
        return
    stand_in = ModuleType(_PALETTE)
    for name in _NAMES:
        setattr(stand_in, name, type(name, (), {}))
    sys.modules[_PALETTE] = stand_in
    try:
        import textual.app  # noqa: F401
    finally:
        del sys.modules[_PALETTE]


def forget_pictures() -> None:
    """Keep no painted lines of widgets that are gone: Textual 8.2.8 remembers two colours of each of the last 1,024
    widgets by a key that holds all its lines, a hundred megabytes after a day of opening screens."""
    from textual._styles_cache import StylesCache

    found = vars(StylesCache)["get_inner_outer"]
    if not isinstance(found, staticmethod):
        of_colours = lru_cache(1024)(partial(found.__wrapped__, StylesCache))
        StylesCache.get_inner_outer = staticmethod(of_colours)  # type: ignore[assignment]


def forget_watchers(app: App[Any]) -> None:
    """Let go of closed screens: Textual drops who watches a value when it changes, and a theme may stay for days."""
    for watchers in vars(app).get("__watchers", {}).values():
        watchers[:] = [each for each in watchers if not each[0]._closing]
