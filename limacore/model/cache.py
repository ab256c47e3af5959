"""What the download cache holds."""

from __future__ import annotations

from msgspec import Struct


class CacheEntry(Struct, frozen=True):
    """One download: `size` in bytes, `changed_at` in seconds since the epoch, `digest` empty when none was verified."""

    key: str
    """SHA-256 of the URL: the name of its directory."""
    url: str
    path: str
    size: int = 0
    changed_at: float = 0.0
    digest: str = ""
    partial: bool = False
    """Whether only a part has arrived."""
    used_by: tuple[str, ...] = ()
    """Instances, then `template:NAME`, that refer to it."""
