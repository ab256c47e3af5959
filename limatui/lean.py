"""Textual without its own command palette: the dashboard has another, and that one brings ten widgets to the start."""

from __future__ import annotations

import sys
from types import ModuleType

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
