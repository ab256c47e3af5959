"""A web server on this computer that does what servers do when they do not behave."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

MODIFIED = "Fri, 20 Nov 2026 10:00:00 GMT"


class Server:
    """Serves `body` at any path; what it does besides is set by attributes."""

    def __init__(self) -> None:
        self.body = os.urandom(700_000)
        self.status = 200
        self.head_status = 200
        self.modified, self.tag = MODIFIED, ""
        self.ranges = True
        self.drops: list[int] = []
        """For each answer to come: bytes after which the connection is dropped."""
        self.stall = threading.Event()
        """Unset: answers stop in the middle of the body."""
        self.stall.set()
        self.asked: list[str] = []
        self.ranges_asked: list[str] = []
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that go away
        self.base = f"http://127.0.0.1:{self._http.server_port}"
        self.url = f"{self.base}/i.qcow2"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def digest(self) -> str:
        return f"sha256:{hashlib.sha256(self.body).hexdigest()}"

    def _handler(server) -> type[http.server.BaseHTTPRequestHandler]:
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self._head(server.head_status, len(server.body))

            def do_GET(self) -> None:
                start = self._start()
                if start is None:
                    return
                self._send(server.body[start:] if server.status == 200 else b"no such page\n")

            def _head(self, status: int, length: int, extra: dict[str, str] | None = None) -> bool:
                server.asked.append(f"{self.command} {self.path}")
                moved = {"/moved": "/i.qcow2", "/loop": "/loop"}.get(self.path)
                self.send_response(302 if moved else status)
                headers = {"Last-Modified": server.modified, "ETag": server.tag, "Location": moved or "",
                           "Content-Length": "0" if moved else str(length), **(extra or {})}
                for key, value in headers.items():
                    if value:
                        self.send_header(key, value)
                self.end_headers()
                return moved is None

            def _start(self) -> int | None:
                """Send the head of an answer to GET; where its body begins, None when it has none."""
                asked = self.headers.get("Range", "")
                server.ranges_asked.append(asked)
                match = re.fullmatch(r"bytes=(\d+)-", asked)
                condition = self.headers.get("If-Range")
                current = condition is None or condition in (server.modified, server.tag)
                size = len(server.body)
                if server.status != 200:
                    return 0 if self._head(server.status, 13) else None
                if not (match and server.ranges and current):
                    return 0 if self._head(200, size) else None
                start = int(match.group(1))
                if start >= size:
                    self._head(416, 0, {"Content-Range": f"bytes */{size}"})
                    return None
                shown = {"Content-Range": f"bytes {start}-{size - 1}/{size}"}
                return start if self._head(206, size - start, shown) else None

            def _send(self, data: bytes) -> None:
                with contextlib.suppress(OSError):
                    if server.drops:
                        self.wfile.write(data[: server.drops.pop(0)])
                        self.close_connection = True
                        return
                    half = len(data) // 2
                    self.wfile.write(data[:half])
                    if not server.stall.wait(20):
                        self.close_connection = True
                    self.wfile.write(data[half:])

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def close(self) -> None:
        self.stall.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache directory, empty, where the engine looks for it, too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return tmp_path / "xdg" / "lima"


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What the engine tells its user, line by line: the level, the message, the fields."""
    import logging

    from limacore.base.notice import LOGGER

    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            fields = "".join(f" {key}={value}" for key, value in getattr(record, "fields", {}).items())
            lines.append(f"{record.levelname} {record.getMessage()}{fields}")

    handler = Handler()
    LOGGER.addHandler(handler)
    yield lines
    LOGGER.removeHandler(handler)
