"""Fetch an image over HTTP into the cache: streamed, checked while it comes, never half there."""

from __future__ import annotations

import email.utils
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limacore.base.files import write_failed
from limacore.base.units import format_size
from limacore.errors import ImageError
from limacore.images.cache import Entry
from limacore.images.digest import Hashing
from limacore.images.unpack import in_thread, verify
from limacore.model.job import Progress

if TYPE_CHECKING:
    import httpx2

Report = Callable[[Progress], None]
_REPORT_EVERY = 0.2
_TIMEOUT = 60.0
"""Seconds without a byte after which a server counts as silent."""
_MAX_REDIRECTS = 10
_AGENT = "limatui"


async def fetch(
    url: str, digest: str, cache_dir: Path, report: Report, *, transport: httpx2.AsyncBaseTransport | None = None
) -> Path:
    """The cached bytes of `url`, downloaded when they are not there or have changed. Raises ImageError, HostError.

    `transport` replaces the network, for tests.
    """
    entry = Entry(cache_dir, url)
    async with entry.held() as waited, _client(transport) as client:
        if await _is_current(entry, digest, client, fresh=waited):
            report(Progress("image", f"using the cached {_name(url)}", 1.0))
            return entry.data
        await _download(entry, digest, client, report)
        return entry.data


def _client(transport: httpx2.AsyncBaseTransport | None) -> httpx2.AsyncClient:
    import httpx2

    headers = {"User-Agent": _AGENT, "Accept-Encoding": "identity"}
    return httpx2.AsyncClient(transport=transport, timeout=_TIMEOUT, follow_redirects=True,
                              max_redirects=_MAX_REDIRECTS, headers=headers)


def _name(url: str) -> str:
    return url.partition("?")[0].rstrip("/").rpartition("/")[2] or url


async def _is_current(entry: Entry, digest: str, client: httpx2.AsyncClient, *, fresh: bool) -> bool:
    if not entry.data.exists():
        return False
    algorithm = digest.partition(":")[0]
    recorded = entry.recorded_digest(algorithm) if digest else ""
    if recorded:
        if recorded != digest:
            raise ImageError(f"the cached `{entry.url}` has another digest than wanted",
                             detail=f"cached {recorded}, wanted {digest}",
                             hint=f"if the digest in the template is right, remove the old file: rm -r {entry.dir}")
        return True
    if not fresh and not await _unchanged(entry, client):
        return False
    return not digest or await _vouched(entry, digest)


async def _vouched(entry: Entry, digest: str) -> bool:
    """Whether bytes that were cached without a digest are those that one promises."""
    try:
        await in_thread(lambda stop: verify(entry.data, digest, stop))
    except ImageError:
        return False
    entry.note(entry.digest_file(digest.partition(":")[0]), digest)
    return True


async def _unchanged(entry: Entry, client: httpx2.AsyncClient) -> bool:
    """Compare `Last-Modified`; a server that cannot be asked leaves the cached bytes in use."""
    import httpx2

    cached = entry.recorded_time()
    if not cached:
        return False
    try:
        response = await client.head(entry.url)
        response.raise_for_status()
    except httpx2.HTTPError:
        return True
    now = response.headers.get("Last-Modified", "")
    return bool(now) and _moment(now) == _moment(cached)


def _moment(text: str) -> Any:
    try:
        return email.utils.parsedate_to_datetime(text)
    except ValueError:
        return text


async def _download(entry: Entry, digest: str, client: httpx2.AsyncClient, report: Report) -> None:
    import httpx2

    entry.remove_leftovers()
    entry.forget_digests()
    entry.note(entry.url_file, entry.url)
    hashing = Hashing(digest)
    temporary = entry.dir / f"data.tmp.{os.getpid()}.0"
    try:
        async with client.stream("GET", entry.url) as response:
            _require_success(response, entry.url)
            entry.note(entry.time, response.headers.get("Last-Modified", ""))
            entry.note(entry.type, response.headers.get("Content-Type", ""))
            await _receive(response, temporary, hashing, _Meter(entry.url, response, report))
        hashing.check(entry.url)
        temporary.replace(entry.data)
        if digest:
            entry.note(entry.digest_file(hashing.algorithm), digest)
    except httpx2.HTTPError as error:
        raise ImageError(f"cannot download `{entry.url}`", detail=str(error) or type(error).__name__,
                         hint="check the network and the location, then try again") from error
    except httpx2.InvalidURL as error:
        raise ImageError(f"`{entry.url}` is no URL", detail=str(error)) from error
    except OSError as error:
        raise write_failed(entry.data, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _require_success(response: httpx2.Response, url: str) -> None:
    if not response.is_success:
        raise ImageError(f"cannot download `{url}`", detail=f"the server says {response.status_code} "
                                                            f"{response.reason_phrase}",
                         hint="the image may have been moved: check its location")


async def _receive(response: httpx2.Response, target: Path, hashing: Hashing, meter: _Meter) -> None:
    with target.open("wb") as file:
        async for block in response.aiter_raw(1 << 18):
            file.write(block)
            hashing.update(block)
            meter.add(len(block))
        file.flush()
        os.fsync(file.fileno())
    meter.finish()


class _Meter:
    """Counts bytes and tells rate and share five times a second."""

    def __init__(self, url: str, response: httpx2.Response, report: Report) -> None:
        self.url, self.name, self.report = url, _name(url), report
        length = response.headers.get("Content-Length", "")
        self.total = int(length) if length.isdecimal() else 0
        self.done, self.began, self.told = 0, time.monotonic(), 0.0

    def add(self, count: int) -> None:
        self.done += count
        now = time.monotonic()
        if now - self.told >= _REPORT_EVERY:
            self.told = now
            self._tell(now)

    def _tell(self, now: float) -> None:
        rate = self.done / max(now - self.began, 0.001)
        of = f" of {format_size(self.total)}" if self.total else ""
        fraction = min(self.done / self.total, 1.0) if self.total else None
        text = f"{self.name}: {format_size(self.done)}{of}, {format_size(int(rate))}/s"
        self.report(Progress("image", text, fraction))

    def finish(self) -> None:
        if self.total and self.done != self.total:
            raise ImageError(f"the download of `{self.url}` ended early",
                             detail=f"{self.done} of {self.total} bytes came", hint="try again")
        self.report(Progress("image", f"{self.name}: {format_size(self.done)}", 1.0))
