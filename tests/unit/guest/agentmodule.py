"""The guest agent as guests get it, as a file and as a module."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from limacore.guest import agentfile


def file(folder: Path) -> Path:
    """The agent in a folder."""
    path = folder / "lima_guestagent.py"
    path.write_bytes(agentfile.content())
    return path


def module(folder: Path) -> ModuleType:
    """The agent, not running."""
    spec = importlib.util.spec_from_file_location("guest_agent", file(folder))
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded
