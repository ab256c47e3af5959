"""The download cache that Lima's tools share: one directory per URL, locked while it is filled."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

from limacore.base.files import locked, write_atomic, write_failed
from limacore.errors import LockedError

_BUSY_WAIT = 0.2


class Entry:
    """The files of one cached URL."""

    def __init__(self, cache_dir: Path, url: str) -> None:
        self.url = url
        self.dir = cache_dir / "download" / "by-url-sha256" / hashlib.sha256(url.encode()).hexdigest()
        self.data = self.dir / "data"
        self.time = self.dir / "time"
        self.type = self.dir / "type"
        self.url_file = self.dir / "url"

    def digest_file(self, algorithm: str) -> Path:
        """`sha256.digest`: written when a download was checked."""
        return self.dir / f"{algorithm}.digest"

    def recorded_digest(self, algorithm: str) -> str:
        """What the digest file says; empty when there is none."""
        return _text(self.digest_file(algorithm))

    def recorded_time(self) -> str:
        """`Last-Modified` of the cached bytes; empty when not known."""
        return _text(self.time)

    def forget_digests(self) -> None:
        """Remove digest files before new bytes come: an old one would vouch for them."""
        for path in self.dir.glob("*.digest"):
            path.unlink(missing_ok=True)

    def remove_leftovers(self) -> None:
        """Remove unfinished downloads; only while holding the entry."""
        for path in self.dir.glob("data.tmp.*"):
            path.unlink(missing_ok=True)

    def note(self, path: Path, text: str) -> None:
        """Write one of the small files."""
        write_atomic(path, text)

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[bool]:
        """Hold the entry; gives whether somebody else held it before (and may have filled it)."""
        try:
            self.dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise write_failed(self.dir, error) from error
        waited = False
        while True:
            with contextlib.ExitStack() as stack:
                try:
                    stack.enter_context(locked(self.dir, wait=False))
                except LockedError:
                    waited = True
                else:
                    yield waited
                    return
            await asyncio.sleep(_BUSY_WAIT)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
