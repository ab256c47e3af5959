"""Small changes of an instance on disk: protection, and a new lima.yaml."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from limacore.base import notice
from limacore.base.files import write_atomic
from limacore.base.goquote import ticked
from limacore.config.load import load_text
from limacore.errors import LimaError, StateError
from limacore.lifecycle.guard import configured, existing, held
from limacore.paths import HomePaths, InstancePaths


def protect(home: HomePaths, name: str) -> bool:
    """Forbid removal of `name`; False when it was so already."""
    with _inspected(home, name) as paths:
        if os.path.lexists(paths.protected):
            notice.warning(f"Instance {ticked(name)} is already protected. Skipping.")
            return False
        write_atomic(paths.protected, b"", 0o400)
        notice.info(f"Protected {ticked(name)}")
        return True


def unprotect(home: HomePaths, name: str) -> bool:
    """Allow removal of `name`; False when it was so already."""
    with _inspected(home, name) as paths:
        try:
            paths.protected.unlink()
        except FileNotFoundError:
            notice.warning(f"Instance {ticked(name)} isn't protected. Skipping.")
            return False
        notice.info(f"Unprotected {ticked(name)}")
        return True


@contextlib.contextmanager
def _inspected(home: HomePaths, name: str) -> Iterator[InstancePaths]:
    try:
        paths = configured(home, name)
    except LimaError as error:
        raise type(error)(f"failed to inspect instance {ticked(name)}", detail=error.message,
                          hint=error.hint) from error
    with held(paths):
        yield paths


def save_config(home: HomePaths, name: str, text: str, *, expected: str) -> None:
    """Write lima.yaml when it still reads `expected`; raises StateError or ConfigError, and then changes nothing."""
    paths = existing(home, name)
    with held(paths):
        if paths.lima_yaml.read_text() != expected:
            raise StateError(f"`{paths.lima_yaml}` was changed by somebody else meanwhile",
                             hint="load it again, then repeat your change")
        load_text(text, paths.lima_yaml, home, exists=True).require(str(paths.lima_yaml))
        write_atomic(paths.lima_yaml, text)
