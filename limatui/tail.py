"""The last lines of a log that may be written to at any moment."""

from __future__ import annotations

from pathlib import Path

from limatui.sanitize import log_line

_WINDOW = 16384


def tail(path: Path, lines: int) -> tuple[str, ...]:
    """The last `lines` lines that say something, safe to show; empty when there is no such file."""
    try:
        with path.open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(0, size - _WINDOW))
            raw = log.read(_WINDOW)
    except OSError:
        return ()
    text = raw.decode("utf-8", "replace").replace("\r\n", "\n")
    shown = [line for line in map(log_line, text.split("\n")) if line.strip()]
    return tuple(shown[-lines:])
