"""Whether a file system has room, asked before anything is written."""

from __future__ import annotations

import shutil
from pathlib import Path

from limacore.base.units import format_size
from limacore.errors import HostError

HEADROOM = 64 << 20
"""Bytes that must stay free beyond what is written: a full disk stops every guest on it."""


def require(folder: Path, needed: int, hint: str) -> None:
    """Raise HostError unless `needed` bytes can be written in `folder`."""
    free = shutil.disk_usage(folder).free
    if free < needed + HEADROOM:
        raise HostError(f"not enough space in `{folder}`",
                        detail=f"{format_size(needed + HEADROOM)} are needed, {format_size(free)} are free", hint=hint)
