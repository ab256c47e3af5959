"""A small text from a web server, with a limit to its length; for templates and scripts, not for images."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from limacore.base.goquote import quoted
from limacore.errors import HostError

_TIMEOUT = 30.0
"""Seconds without a byte after which a server counts as silent."""


class Answer(Struct, frozen=True):
    """What a server sent."""

    status: int
    body: bytes


def get(url: str, limit: int) -> bytes:
    """The body at `url`, at most `limit` bytes; raises HostError for an error status or a longer one."""
    answer = ask(url, limit, {})
    if not 200 <= answer.status < 300:
        raise HostError(f"Get {quoted(url)}: the server answers with status {answer.status}", hint="check the address")
    return answer.body


def ask(url: str, limit: int, headers: Mapping[str, str], *, cut: bool = False) -> Answer:
    """The answer to a GET, whatever its status; a body beyond `limit` bytes is an error unless `cut`."""
    import httpx2

    try:
        with httpx2.Client(timeout=_TIMEOUT, follow_redirects=True) as client, client.stream(
                "GET", url, headers={"User-Agent": "limatui", **headers}) as response:
            return Answer(response.status_code, _body(response, url, limit, cut=cut))
    except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
        reason = str(error).partition("] ")[2] or str(error) or type(error).__name__
        raise HostError(f"Get {quoted(url)}: {reason[:1].lower()}{reason[1:]}",
                        hint="check the address and the network") from error


def _body(response: object, url: str, limit: int, *, cut: bool) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():  # type: ignore[attr-defined]
        body += chunk
        if len(body) > limit:
            if cut:
                return bytes(body[:limit])
            raise HostError(f"Get {quoted(url)}: the answer is longer than {limit} bytes",
                            hint="an image? write a template that lists it under `images:`")
    return bytes(body)
