"""A log that can be looked at."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct


class LogFile(Struct, frozen=True):
    """A log of an instance: `label` such as `serial` or `serial, boot before`; `json` for lines of JSON.

    `began` is when the machine was started that writes it, in seconds since 1970; 0 where nobody knows any more.
    """

    label: str
    path: Path
    json: bool = False
    began: float = 0.0
