"""One file from a server into its cache entry: what has come stays for the next attempt, nothing wrong gets in."""

from __future__ import annotations

import asyncio
import http
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from limacore.base import notice
from limacore.base.files import write_failed
from limacore.base.units import format_size
from limacore.errors import ImageError
from limacore.images import space, web
from limacore.images.cache import Entry, note
from limacore.images.digest import DigestError, Hashing
from limacore.images.meter import Meter, Report
from limacore.images.unpack import feed, in_thread

if TYPE_CHECKING:
    import httpx2

_PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before the next attempt when one brought nothing new; after the last the download has failed."""
_SPACE_HINT = "empty the cache with `prune`, or set XDG_CACHE_HOME to a larger file system"


class DroppedError(Exception):
    """The connection was lost, or nothing more comes: it is worth another attempt."""


class Download:
    """A download into `entry`, which the caller holds."""

    def __init__(self, entry: Entry, digest: str, what: str, client: httpx2.AsyncClient, report: Report) -> None:
        self._entry, self._what, self._client, self._report = entry, what, client, report
        self._hashing = Hashing(digest)
        self._answered = False

    async def run(self) -> None:
        """Fill the entry; bytes with a wrong digest are fetched once more. Raises ImageError, HostError."""
        self._entry.remove_leftovers()
        note(self._entry.url_file, self._entry.url)
        try:
            await self._complete()
        except DigestError as error:
            self._forget()
            notice.info("Downloading once more: the data is damaged", location=self._entry.url, error=error.message)
            await self._complete()

    async def _complete(self) -> None:
        try:
            headers = await self._persist()
            await asyncio.to_thread(_sync, self._entry.part)
            self._hashing.verify()
            self._publish(headers)
        except DigestError:
            self._forget()
            raise
        except OSError as error:
            self._forget()
            raise write_failed(self._entry.data, error) from error

    async def _persist(self) -> httpx2.Headers:
        """Attempt again as long as something new comes; gives the headers of the last answer."""
        most, pauses = 0, iter(_PAUSES)
        while True:
            try:
                return await self._attempt()
            except DroppedError as error:
                size = self._size()
                if size > most:
                    most, pauses = size, iter(_PAUSES)
                pause = next(pauses, None)
                if pause is None:
                    raise ImageError(str(error), hint="try again: it goes on where it stopped") from error
                notice.info(f"The connection was lost, going on after {format_size(size)}", location=self._entry.url)
                await asyncio.sleep(pause)

    async def _attempt(self) -> httpx2.Headers:
        try:
            with web.told("Get", self._entry.url):
                async with self._client.stream("GET", self._entry.url, headers=self._range()) as response:
                    if response.status_code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                        self._forget()
                        raise DroppedError("the server refuses the range that is missing")
                    await web.require_success(response)
                    await self._receive(response, await self._begin(response))
                    return response.headers
        except web.LostError as error:
            if self._answered:
                raise DroppedError(error.detail) from error
            raise

    def _range(self) -> dict[str, str]:
        """What to ask for: the rest, if the server still has the file of which a part is here."""
        size = self._size()
        if not size or not self._entry.validator.exists():
            return {}
        validator = self._entry.validator.read_text()
        if not validator and not self._hashing.wanted:
            return {}
        return {"Range": f"bytes={size}-", **({"If-Range": validator} if validator else {})}

    def _size(self) -> int:
        try:
            return self._entry.part.stat().st_size
        except FileNotFoundError:
            return 0

    def _forget(self) -> None:
        for path in (self._entry.part, self._entry.validator):
            path.unlink(missing_ok=True)

    async def _begin(self, response: httpx2.Response) -> Meter:
        """Get ready for the body of a successful answer."""
        self._answered = True
        self._hashing = Hashing(self._hashing.wanted)
        have, total = self._size(), _length(response)
        if response.status_code == http.HTTPStatus.PARTIAL_CONTENT:
            start, total = _content_range(response)
            if start != have:
                self._forget()
                raise DroppedError("the server sent another range than asked for")
            await in_thread(lambda stop: feed(self._entry.part, self._hashing, stop))
        else:
            have = 0
            self._forget()
            note(self._entry.validator, _validator(response))
        space.require(self._entry.dir, total - have, _SPACE_HINT)
        if not self._entry.data.exists():
            self._note_headers(response.headers)
        name = self._entry.url.partition("?")[0].rstrip("/").rpartition("/")[2]
        return Meter("download", f"{self._what} ({name})", total, self._report, done=have)

    async def _receive(self, response: httpx2.Response, meter: Meter) -> None:
        with self._entry.part.open("ab") as file:
            async for block in response.aiter_raw():
                file.write(block)
                self._hashing.update(block)
                meter.add(len(block))
        if meter.total and meter.done != meter.total:
            raise DroppedError("unexpected EOF")
        meter.finish()

    def _publish(self, headers: httpx2.Headers) -> None:
        self._entry.replace_data()
        self._note_headers(headers)
        if self._hashing.wanted:
            note(self._entry.digest_file(self._hashing.algorithm), self._hashing.wanted)

    def _note_headers(self, headers: httpx2.Headers) -> None:
        note(self._entry.time, headers.get("Last-Modified", ""))
        note(self._entry.type, headers.get("Content-Type", ""))


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _length(response: httpx2.Response) -> int:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else 0


def _content_range(response: httpx2.Response) -> tuple[int, int]:
    """First byte and length of the whole file; -1 when the answer does not say."""
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if match is None:
        return -1, 0
    return int(match.group(1)), int(match.group(2)) if match.group(2).isdecimal() else 0


def _validator(response: httpx2.Response) -> str:
    """What `If-Range` may carry: a strong tag, else the date."""
    tag: str = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else str(response.headers.get("Last-Modified", ""))

