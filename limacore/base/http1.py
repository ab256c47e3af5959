"""HTTP/1.1 on a unix socket, both ends, by h11: one request a connection, small bodies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import h11
from msgspec import Struct
from msgspec.structs import replace

MAX_BODY = 4 << 20
"""Bytes of the largest body: for a server of a request, for a client of an answer unless it asks for more."""

REQUEST_TIME = 10.0
"""Seconds that a client may take to send its request."""


class Request(Struct, frozen=True):
    """What a client asked: path without the query, and the query's last value of each name."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes = b""


class Response(Struct, frozen=True):
    """Status code, body and extra headers."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Request], Awaitable[Response]]


@contextlib.asynccontextmanager
async def serve(path: Path, handler: Handler, *, mode: int = 0o600) -> AsyncIterator[None]:
    """Answer requests at a new unix socket; a stale file there is replaced, and leaving removes it."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, h11.RemoteProtocolError):
            await _answer(reader, writer, handler)
        writer.close()

    server = await asyncio.start_unix_server(connected, path)
    path.chmod(mode)
    mine = path.stat().st_ino
    try:
        yield
    finally:
        server.close()
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == mine:
                path.unlink()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler) -> None:
    connection = h11.Connection(h11.SERVER)
    async with asyncio.timeout(REQUEST_TIME):
        request = await _read_request(connection, reader)
    if request is None:
        return
    response = await handler(request)
    writer.write(_encode(connection, response, head_only=request.method == "HEAD"))
    await writer.drain()


async def _read_request(connection: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    request: Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            request = _parse(event)
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > MAX_BODY:
                return None
        elif isinstance(event, h11.EndOfMessage):
            return replace(request, body=bytes(body)) if request and body else request
        elif isinstance(event, h11.ConnectionClosed):
            return None


def _parse(event: h11.Request) -> Request:
    parts = urlsplit(event.target.decode("ascii", "replace"))
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return Request(event.method.decode("ascii"), parts.path, query)


def _encode(connection: h11.Connection, response: Response, *, head_only: bool) -> bytes:
    headers = [("Content-Length", str(len(response.body))), ("Connection", "close"), *response.headers]
    if response.body:
        headers.append(("Content-Type", response.content_type))
    parts = [connection.send(h11.Response(status_code=response.status, headers=headers))]
    if response.body and not head_only:
        parts.append(connection.send(h11.Data(data=response.body)))
    parts.append(connection.send(h11.EndOfMessage()))
    return b"".join(part for part in parts if part)


class _Reply:
    """Collects one response out of bytes; `feed` says whether it is complete."""

    def __init__(self, most: int) -> None:
        self.connection = h11.Connection(h11.CLIENT)
        self._most = most
        self.status = 0
        self.body = bytearray()

    def request(self, method: str, target: str, body: bytes = b"") -> bytes:
        headers = [("Host", "lima-hostagent"), ("Connection", "close")]
        if body:
            headers += [("Content-Length", str(len(body))), ("Content-Type", "application/json")]
        events = (h11.Request(method=method, target=target, headers=headers), h11.Data(body), h11.EndOfMessage())
        return b"".join(self.connection.send(event) or b"" for event in events)

    def feed(self, data: bytes) -> bool:
        self.connection.receive_data(data)
        while (event := self.connection.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.Response):
                self.status = event.status_code
            elif isinstance(event, h11.Data):
                self._take(bytes(event.data))
            else:
                return True
        return False

    def _take(self, data: bytes) -> None:
        self.body += data
        if len(self.body) > self._most:
            raise OSError(f"the answer is longer than {self._most} bytes")

    def response(self) -> Response:
        return Response(self.status, bytes(self.body))


async def request(path: Path, target: str, *, method: str = "GET", body: bytes = b"", timeout: float = 3.0,
                  most: int = MAX_BODY) -> Response:
    """Ask a server at a unix socket; raises OSError or TimeoutError when it cannot be asked, or tells over `most`."""
    reply = _Reply(most)
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_unix_connection(path)
        try:
            writer.write(reply.request(method, target, body))
            with _protocol_as_oserror(path):
                while not reply.feed(await reader.read(65536)):
                    pass
        finally:
            writer.close()
    return reply.response()


def request_sync(path: Path, target: str, *, method: str = "GET", timeout: float = 3.0) -> Response:
    """`request` without an event loop; the timeout counts for each system call."""
    reply = _Reply(MAX_BODY)
    with socket.socket(socket.AF_UNIX) as sock, _protocol_as_oserror(path):
        sock.settimeout(timeout)
        sock.connect(os.fspath(path))
        sock.sendall(reply.request(method, target))
        while not reply.feed(sock.recv(65536)):
            pass
    return reply.response()


@contextlib.contextmanager
def _protocol_as_oserror(path: Path) -> Iterator[None]:
    try:
        yield
    except h11.RemoteProtocolError as error:
        raise OSError(f"`{path}` does not speak HTTP: {error}") from error
