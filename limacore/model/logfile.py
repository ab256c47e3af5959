"""A log that can be looked at."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct


class LogFile(Struct, frozen=True):
    """A log of an instance: `label` such as `serial` or `serial, boot before`; `json` for lines of JSON."""

    label: str
    path: Path
    json: bool = False
