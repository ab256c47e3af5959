"""Downloads from a real server on this computer."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from limacore.base.files import locked
from limacore.errors import ImageError
from limacore.images.cache import Entry
from limacore.images.fetch import fetch
from limacore.model.job import Progress

BODY = os.urandom(700_000)
DIGEST = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
MODIFIED = "Fri, 20 Nov 2026 10:00:00 GMT"


class Server:
    """Serves BODY at any path; what it does besides is set by attributes."""

    def __init__(self) -> None:
        self.status, self.modified, self.missing, self.body = 200, MODIFIED, 0, BODY
        self.hold = threading.Event()
        self.hold.set()
        self.asked: list[str] = []
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_port}/i.qcow2"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def _handler(server) -> type[http.server.BaseHTTPRequestHandler]:
        class Handler(http.server.BaseHTTPRequestHandler):
            def _answer(self) -> None:
                server.asked.append(f"{self.command} {self.path}")
                if self.path == "/moved":
                    self.send_response(302)
                    self.send_header("Location", "/i.qcow2")
                    self.end_headers()
                    return
                self.send_response(server.status)
                self.send_header("Content-Length", str(len(server.body)))
                if server.modified:
                    self.send_header("Last-Modified", server.modified)
                self.end_headers()

            def do_HEAD(self) -> None:
                self._answer()

            def do_GET(self) -> None:
                self._answer()
                half = len(server.body) // 2
                with contextlib.suppress(OSError):
                    self.wfile.write(server.body[:half])
                    server.hold.wait(20)
                    self.wfile.write(server.body[half : len(server.body) - server.missing])

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def close(self) -> None:
        self.hold.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def _ignore(_: Progress) -> None:
    pass


def _names(entry: Entry) -> set[str]:
    return {path.name for path in entry.dir.iterdir()}


async def test_fetched_once_and_checked(server: Server, tmp_path: Path) -> None:
    said: list[Progress] = []
    path = await fetch(server.url, DIGEST, tmp_path, said.append)
    entry = Entry(tmp_path, server.url)
    assert path == entry.data
    assert path.read_bytes() == BODY
    assert _names(entry) == {"data", "url", "time", "type", "sha256.digest"}
    assert (entry.url_file.read_text(), entry.recorded_time()) == (server.url, MODIFIED)
    assert said[-1].fraction == 1.0
    await fetch(server.url, DIGEST, tmp_path, _ignore)
    assert server.asked == ["GET /i.qcow2"], "a checked download is not asked for again"


async def test_a_wrong_digest_is_refused_and_leaves_no_file(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="not the file that its digest promises"):
        await fetch(server.url, f"sha256:{'0' * 64}", tmp_path, _ignore)
    assert _names(Entry(tmp_path, server.url)) == {"url", "time", "type"}


async def test_another_digest_than_the_cached_one_is_an_error(server: Server, tmp_path: Path) -> None:
    await fetch(server.url, DIGEST, tmp_path, _ignore)
    with pytest.raises(ImageError, match="another digest") as caught:
        await fetch(server.url, f"sha256:{'0' * 64}", tmp_path, _ignore)
    assert "rm -r" in caught.value.hint


async def test_without_digest_the_server_tells_whether_it_changed(server: Server, tmp_path: Path) -> None:
    await fetch(server.url, "", tmp_path, _ignore)
    await fetch(server.url, "", tmp_path, _ignore)
    assert server.asked == ["GET /i.qcow2", "HEAD /i.qcow2"]
    server.modified, server.body = "Sat, 21 Nov 2026 10:00:00 GMT", b"new"
    path = await fetch(server.url, "", tmp_path, _ignore)
    assert path.read_bytes() == b"new"


async def test_an_old_digest_file_does_not_vouch_for_new_bytes(server: Server, tmp_path: Path) -> None:
    await fetch(server.url, DIGEST, tmp_path, _ignore)
    server.modified, server.body = "Sat, 21 Nov 2026 10:00:00 GMT", b"evil"
    entry = Entry(tmp_path, server.url)
    entry.data.unlink()
    await fetch(server.url, "", tmp_path, _ignore)
    with pytest.raises(ImageError):
        await fetch(server.url, DIGEST, tmp_path, _ignore)


async def test_bytes_cached_without_digest_are_checked_when_one_is_given(server: Server, tmp_path: Path) -> None:
    await fetch(server.url, "", tmp_path, _ignore)
    await fetch(server.url, DIGEST, tmp_path, _ignore)
    assert server.asked.count("GET /i.qcow2") == 1
    assert Entry(tmp_path, server.url).recorded_digest("sha256") == DIGEST


async def test_a_server_that_is_away_leaves_the_cache_in_use(server: Server, tmp_path: Path) -> None:
    await fetch(server.url, "", tmp_path, _ignore)
    server.status = 500
    assert (await fetch(server.url, "", tmp_path, _ignore)).read_bytes() == BODY


async def test_redirects_are_filed_under_the_first_address(server: Server, tmp_path: Path) -> None:
    url = server.url.replace("/i.qcow2", "/moved")
    path = await fetch(url, DIGEST, tmp_path, _ignore)
    assert path == Entry(tmp_path, url).data


@pytest.mark.parametrize("status", [404, 500, 301])
async def test_an_error_page_is_no_image(server: Server, tmp_path: Path, status: int) -> None:
    server.status = status
    with pytest.raises(ImageError, match="cannot download") as caught:
        await fetch(server.url, "", tmp_path, _ignore)
    assert caught.value.hint
    assert not Entry(tmp_path, server.url).data.exists()


async def test_a_download_that_ends_early_is_no_image(server: Server, tmp_path: Path) -> None:
    server.missing = 1000
    with pytest.raises(ImageError):
        await fetch(server.url, "", tmp_path, _ignore)
    assert _names(Entry(tmp_path, server.url)) == {"url", "time", "type"}


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "http://", "ftp://x/y", "http://[::1/x"])
async def test_addresses_that_cannot_be(tmp_path: Path, url: str) -> None:
    with pytest.raises(ImageError) as caught:
        await fetch(url, "", tmp_path, _ignore)
    assert url in caught.value.message


async def test_cancelling_leaves_no_data(server: Server, tmp_path: Path) -> None:
    server.hold.clear()
    begun = asyncio.Event()
    task = asyncio.create_task(fetch(server.url, DIGEST, tmp_path, lambda _: begun.set()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    entry = Entry(tmp_path, server.url)
    assert _names(entry) == {"url", "time", "type"}
    with locked(entry.dir, wait=False):
        pass


async def test_two_at_once_download_once(server: Server, tmp_path: Path) -> None:
    paths = await asyncio.gather(*(fetch(server.url, "", tmp_path, _ignore) for _ in range(3)))
    assert len(set(paths)) == 1
    assert server.asked.count("GET /i.qcow2") == 1
