"""HTTP on a unix socket: our client with our server, and both against raw bytes."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from limacore.base.http1 import Request, Response, request, request_sync, serve


async def echo(asked: Request) -> Response:
    if asked.path == "/missing":
        return Response(404, b"no\n", "text/plain")
    return Response(200, f"{asked.method} {asked.path} {asked.query}".encode())


async def test_client_and_server(lima_home: Path) -> None:
    path = lima_home / "s.sock"
    async with serve(path, echo):
        assert path.stat().st_mode & 0o777 == 0o600
        answer = await request(path, "/v1/info?metrics=1")
        assert (answer.status, answer.body) == (200, b"GET /v1/info {'metrics': '1'}")
        assert (await request(path, "/missing")).status == 404
        assert (await asyncio.to_thread(request_sync, path, "/x")).body == b"GET /x {}"
    assert not path.exists()


async def test_stale_socket_is_replaced_and_a_foreign_one_kept(lima_home: Path) -> None:
    path = lima_home / "s.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    async with serve(path, echo):
        assert (await request(path, "/")).status == 200
        path.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
    assert path.exists()


@pytest.mark.parametrize("garbage", [b"", b"\0" * 100, b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 9000])
async def test_server_survives_garbage(lima_home: Path, garbage: bytes) -> None:
    path = lima_home / "s.sock"
    async with serve(path, echo):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(garbage)
        writer.write_eof()
        async with asyncio.timeout(30):
            await reader.read()
        writer.close()
        assert (await request(path, "/")).status == 200


async def test_slow_and_absent_servers(lima_home: Path) -> None:
    path = lima_home / "s.sock"
    with pytest.raises(OSError):
        await request(path, "/")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        with pytest.raises(TimeoutError):
            await request(path, "/", timeout=0.05)
        with pytest.raises(OSError):
            await asyncio.to_thread(request_sync, path, "/", timeout=0.05)


async def test_what_is_not_http_is_an_oserror(lima_home: Path) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-x\r\n\r\n")
        writer.close()

    async with await asyncio.start_unix_server(babble, lima_home / "s.sock"):
        with pytest.raises(OSError):
            await request(lima_home / "s.sock", "/")
