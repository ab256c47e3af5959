"""A URL as a file: out of the cache when that is current, else downloaded into it."""

from __future__ import annotations

import contextlib
from pathlib import Path

from msgspec import Struct

from limacore.images import web
from limacore.images.cache import Entry
from limacore.images.digest import check
from limacore.images.download import Download
from limacore.images.freshness import is_current
from limacore.images.meter import Report


class Fetched(Struct, frozen=True):
    """Bytes in the cache."""

    path: Path
    cached: bool
    """They were there before."""
    verified: bool
    """They are known to be those of the digest that was given; without a digest there is nothing to know."""


async def fetch(url: str, digest: str, cache: Path, report: Report, *, what: str = "the image") -> Fetched:
    """The bytes of `url`, downloaded when they are not in the cache or have changed. Raises ImageError, HostError."""
    check(digest)
    entry = Entry.of(cache, url)
    async with entry.held() as waited, contextlib.AsyncExitStack() as stack:

        async def ask() -> str:
            return await web.last_modified(await stack.enter_async_context(web.client()), url)

        if await is_current(entry, digest, ask, fresh=waited):
            return Fetched(entry.data, True, not digest or bool(entry.recorded_digest(digest)))
        await Download(entry, digest, what, await stack.enter_async_context(web.client()), report).run()
        return Fetched(entry.data, False, True)
