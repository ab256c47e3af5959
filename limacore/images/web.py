"""Asking servers: one client, and what limactl would say when the answer is none."""

from __future__ import annotations

import contextlib
import http
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from limacore.base.goquote import ticked
from limacore.errors import ImageError

if TYPE_CHECKING:
    import httpx2

TIMEOUT = 60.0
"""Seconds without a byte after which a server counts as silent."""
_REDIRECTS = 10
"""Requests after which one that is sent elsewhere again is given up, as Go's client does."""
_SHOWN_BODY = 1024


@contextlib.asynccontextmanager
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    """A client that follows redirects, and honours `HTTPS_PROXY` and its kin."""
    import httpx2

    headers = {"User-Agent": "limatui", "Accept-Encoding": "identity"}
    async with httpx2.AsyncClient(timeout=TIMEOUT, follow_redirects=True, max_redirects=_REDIRECTS - 1,
                                  headers=headers) as made:
        yield made


async def last_modified(asking: httpx2.AsyncClient, url: str) -> str:
    """The header of that name, empty when there is none; raises ImageError when the server does not say."""
    with told("Head", url):
        response = await asking.head(url)
    await require_success(response)
    return str(response.headers.get("Last-Modified", ""))


async def require_success(response: httpx2.Response) -> None:
    """Raise ImageError with the beginning of what the server says, unless the status is 2xx."""
    if response.is_success:
        return
    try:
        phrase = http.HTTPStatus(response.status_code).phrase
    except ValueError:
        phrase = str(response.status_code)
    body = b""
    async for block in response.aiter_bytes():
        body += block
        if len(body) >= _SHOWN_BODY:
            break
    shown = body[:_SHOWN_BODY].decode(errors="replace")
    raise ImageError(f"unexpected HTTP status {phrase}, body={ticked(shown)}",
                     hint="the file may have been moved: check its location")


class LostError(ImageError):
    """There is no connection, or no more; `detail` says why."""


@contextlib.contextmanager
def told(method: str, url: str) -> Iterator[None]:
    """Failures of the client as ImageError in limactl's words."""
    import httpx2

    try:
        yield
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        kind = LostError if isinstance(error, httpx2.TransportError) else ImageError
        raise kind(f'{method} "{url}"', detail=_reason(error),
                   hint="check the network and the location, then try again") from error


def _reason(error: Exception) -> str:
    """What went wrong between us and a server."""
    import httpx2

    if isinstance(error, httpx2.TooManyRedirects):
        return f"stopped after {_REDIRECTS} redirects"
    if isinstance(error, httpx2.RemoteProtocolError):
        return "unexpected EOF"
    if isinstance(error, httpx2.TimeoutException):
        return f"the server was silent for {TIMEOUT:g} s"
    return str(error) or type(error).__name__
