"""Small changes of an instance on disk: protection, and a new lima.yaml."""

from __future__ import annotations

import contextlib

from limacore.base.files import write_atomic
from limacore.config.load import load_text
from limacore.errors import StateError
from limacore.lifecycle.guard import existing, held
from limacore.paths import HomePaths


def protect(home: HomePaths, name: str) -> bool:
    """Forbid removal of `name`; False when it was so already."""
    paths = existing(home, name)
    with held(paths):
        if paths.protected.exists():
            return False
        write_atomic(paths.protected, b"", 0o400)
        return True


def unprotect(home: HomePaths, name: str) -> bool:
    """Allow removal of `name`; False when it was so already."""
    paths = existing(home, name)
    with held(paths), contextlib.suppress(FileNotFoundError):
        paths.protected.unlink()
        return True
    return False


def save_config(home: HomePaths, name: str, text: str, *, expected: str) -> None:
    """Write lima.yaml when it still reads `expected`; raises StateError or ConfigError, and then changes nothing."""
    paths = existing(home, name)
    with held(paths):
        if paths.lima_yaml.read_text() != expected:
            raise StateError(f"`{paths.lima_yaml}` was changed by somebody else meanwhile",
                             hint="load it again, then repeat your change")
        load_text(text, paths.lima_yaml, home, exists=True).require(str(paths.lima_yaml))
        write_atomic(paths.lima_yaml, text)
