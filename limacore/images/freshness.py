"""Whether cached bytes may be used: by their digest, else by asking the server for `Last-Modified`."""

from __future__ import annotations

import email.utils
from collections.abc import Awaitable, Callable
from datetime import datetime

from limacore.base import notice
from limacore.errors import ImageError
from limacore.images.cache import Entry
from limacore.images.digest import DigestError, require_same

Ask = Callable[[], Awaitable[str]]
_NOT_CACHED, _NOT_CHECKED = "<not cached>", "<not checked>"
_MISSING = "<missing Last-Modified header>"


async def is_current(entry: Entry, digest: str, ask: Ask, *, fresh: bool) -> bool:
    """Whether the cached bytes are those that are wanted; `fresh`: somebody has filled the entry just now.

    `ask` asks the server. Raises DigestError when the bytes were verified to be others.
    """
    if not entry.data.exists():
        return False
    if recorded := entry.recorded_digest(digest):
        _require_recorded(entry, digest, recorded)
        return True
    cached = entry.recorded_time()
    if fresh:
        return True
    if not cached:
        _tell_mismatch(_NOT_CACHED, _NOT_CHECKED)
        return False
    try:
        remote = await ask()
    except ImageError as error:
        notice.info("Failed to retrieve last-modified for cached digest-less image; using cached image.",
                    error=f"{error.message}: {error.detail}" if error.detail else error.message)
        return True
    if not remote or not same_moment(cached, remote):
        _tell_mismatch(cached, remote or _MISSING)
        return False
    return True


def _require_recorded(entry: Entry, digest: str, recorded: str) -> None:
    try:
        require_same(digest, recorded)
    except DigestError as error:
        error.hint = f"if the digest in the template is right, remove the old file: rm -r {entry.dir}"
        raise


def _tell_mismatch(cached: str, remote: str) -> None:
    notice.info(f"Re-downloading digest-less image: last-modified mismatch (cached: `{cached}`, remote: `{remote}`)")


def same_moment(one: str, other: str) -> bool:
    """Whether two dates of HTTP are the same; texts that are no dates are compared as they are."""
    first, second = _moment(one), _moment(other)
    if first is None and second is None:
        return one == other
    return first == second


def _moment(text: str) -> datetime | None:
    try:
        return email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
