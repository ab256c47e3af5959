"""The pid file that says which host agent runs an instance: taken by one, never by two."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from limacore.base.proc import identity
from limacore.errors import StateError


@contextlib.contextmanager
def owned(path: Path) -> Iterator[None]:
    """Hold `path` with our pid in it; raises StateError when a living agent does. Removed at the end."""
    mine = f"{os.getpid()}\n"
    _take(path, mine)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if path.read_text() == mine:
                path.unlink()


def _take(path: Path, text: str) -> None:
    """A hard link appears with its whole content or not at all, and fails when the name exists."""
    complete = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    complete.write_text(text)
    try:
        for _ in range(2):
            try:
                path.hardlink_to(complete)
                return
            except FileExistsError:
                _remove_stale(path)
        raise StateError(f"another host agent is taking `{path}` at this moment", hint="try again")
    finally:
        complete.unlink()


def _remove_stale(path: Path) -> None:
    try:
        pid = int(path.read_text())
    except (OSError, ValueError):
        pid = 0
    process = identity(pid)
    if process and any("hostagent" in word for word in process.argv) and str(path) in process.argv:
        raise StateError(f"another host agent may already be running with pid {pid}",
                         hint=f"stop it first; if it does not run, remove `{path}`")
    path.unlink(missing_ok=True)
