"""The index that lets `list` answer without reading any lima.yaml: two marshal files per home, written atomically."""

from __future__ import annotations

import contextlib
import marshal
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

State = tuple[int, int, int]
Alive = tuple[State, tuple[tuple[int, bytes], ...]]


class Record:
    """One instance in the index: what it depends on, and what is printed for it."""

    def __init__(
        self, yaml: State, ssh: State | None, directory: int, alive: Alive | None, row: tuple[str, ...], line: str
    ) -> None:
        self.yaml, self.ssh, self.directory, self.alive, self.row, self.line = yaml, ssh, directory, alive, row, line


def write(rows_path: str, json_path: str, context: tuple[Any, ...], records: Mapping[str, Record]) -> None:
    """Replace the index; a cache that cannot be written is no error."""
    stamp = time.time_ns()
    rows = {name: (each.yaml, each.directory, each.alive, each.row, each.ssh) for name, each in records.items()}
    lines = {name: each.line for name, each in records.items()}
    with contextlib.suppress(OSError):
        Path(rows_path).parent.mkdir(parents=True, exist_ok=True)
        _replace(rows_path, marshal.dumps((context, stamp, rows)))
        _replace(json_path, marshal.dumps((context, stamp, lines)))
        _sweep(Path(rows_path).parent)


def _sweep(folder: Path) -> None:
    """Remove indexes of homes that are gone."""
    for path in folder.glob("list-*"):
        home = path.name.split("-", 2)[2].replace("%s", "/").replace("%p", "%")
        if not Path(home).exists():
            path.unlink(missing_ok=True)


def _replace(path: str, raw: bytes) -> None:
    # Not `files.write_atomic`: nothing is lost with a cache, so nothing waits for the disk.
    fd, temporary = tempfile.mkstemp(prefix=".list-", dir=Path(path).parent)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(raw)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
