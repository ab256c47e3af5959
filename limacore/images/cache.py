"""The download cache that Lima's tools share: one directory per URL, locked while it is filled."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from limacore.base import notice
from limacore.base.files import locked, write_atomic, write_failed
from limacore.errors import LockedError

_BUSY_WAIT = 0.2


def downloads(cache: Path) -> Path:
    """The directory of all entries."""
    return cache / "download" / "by-url-sha256"


def key_of(url: str) -> str:
    """The name of the directory of a URL."""
    return hashlib.sha256(url.encode("utf-8", "surrogateescape")).hexdigest()


class Entry:
    """The files of one cached URL."""

    def __init__(self, directory: Path, url: str = "") -> None:
        self.dir = directory
        self.url = url
        self.data = directory / "data"
        self.time = directory / "time"
        self.type = directory / "type"
        self.url_file = directory / "url"
        self.part = directory / "data.part"
        """What has come of a download; other tools count it as left over."""
        self.validator = directory / "data.tmp.validator"
        """How to ask whether `part` is still the beginning of what the server has."""
        self.converted = directory / "imgconv" / "raw"
        self.converted_digest = directory / "imgconv" / "raw.digest"

    @classmethod
    def of(cls, cache: Path, url: str) -> Entry:
        """The entry of a URL, there or not."""
        return cls(downloads(cache) / key_of(url), url)

    def digest_file(self, algorithm: str) -> Path:
        """`sha256.digest`: written when a download was checked."""
        return self.dir / f"{algorithm}.digest"

    def recorded_digest(self, digest: str) -> str:
        """What was verified by the algorithm of `digest`; empty when nothing was, or `digest` is empty."""
        return _text(self.digest_file(digest.partition(":")[0])) if digest else ""

    def recorded_digests(self) -> tuple[str, ...]:
        """All digests that were verified."""
        return tuple(_text(path) for path in sorted(self.dir.glob("*.digest")))

    def recorded_time(self) -> str:
        """`Last-Modified` of the cached bytes; empty when not known."""
        return _text(self.time)

    def recorded_url(self) -> str:
        """The URL whose entry this is; empty when that was not written."""
        return _text(self.url_file)

    def replace_data(self) -> None:
        """Let what has come take the place of the cached bytes.

        What was known of the old bytes goes first: a digest left behind would vouch for the new ones, unseen.
        """
        for path in (*self.dir.glob("*.digest"), self.time, self.type):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.converted.parent, ignore_errors=True)
        self.part.replace(self.data)
        self.validator.unlink(missing_ok=True)

    def leftovers(self) -> Iterator[Path]:
        """Unfinished downloads, of any tool."""
        yield from (path for path in (self.part, *self.dir.glob("data.tmp.*")) if path.exists())

    def remove_leftovers(self) -> None:
        """Remove unfinished downloads of others than us; only while holding the entry."""
        for path in self.dir.glob("data.tmp.*"):
            if path != self.validator:
                path.unlink(missing_ok=True)

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[bool]:
        """Hold the entry; gives whether somebody else held it before (and may have filled it)."""
        make_private(self.dir)
        waited = False
        while True:
            with contextlib.ExitStack() as stack:
                try:
                    stack.enter_context(locked(self.dir, wait=False))
                except LockedError:
                    if not waited:
                        notice.info("Waiting for another process that downloads the same file", location=self.url)
                    waited = True
                else:
                    yield waited
                    return
            await asyncio.sleep(_BUSY_WAIT)


def make_private(directory: Path) -> None:
    """Make a directory and its missing parents for the user alone; raises HostError."""
    missing = [each for each in (directory, *directory.parents) if not each.exists()]
    try:
        for each in reversed(missing):
            each.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise write_failed(directory, error) from error


def note(path: Path, text: str) -> None:
    """Write one of the small files of an entry."""
    write_atomic(path, text)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
