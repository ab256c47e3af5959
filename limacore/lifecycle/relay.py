"""What a host agent logs, told to whoever waits for it."""

from __future__ import annotations

import json
from typing import Any

from limacore.base import notice
from limacore.hostlink import LogLine

_TELL = {"trace": notice.debug, "debug": notice.debug, "warning": notice.warning, "error": notice.error,
         "fatal": notice.error, "panic": notice.error}


def relay(line: LogLine) -> None:
    """Say it again at its own level, with its fields and its time; the end of a host agent is only an error here."""
    fields = {key: _text(value) for key, value in line.extra.items()}
    if line.time:
        fields["time"] = line.time
    if line.level in ("fatal", "panic"):
        fields["fields.level"] = line.level
    _TELL.get(line.level, notice.info)(f"[hostagent] {line.message}", **fields)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
