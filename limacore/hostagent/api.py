"""What a host agent answers on `ha.sock`: `/v1/info` for everyone, `/v1/limatui/status` for our own clients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from limacore.base.http1 import Handler, Request, Response
from limacore.model.agentstatus import AgentStatus, HostInfo


def handler(info: Callable[[], HostInfo], status: Callable[[bool], AgentStatus]) -> Handler:
    """The answers; `status` is told whether the client wants metrics."""

    async def answer(request: Request) -> Response:
        if request.path == "/v1/info":
            return _get(request, lambda: msgspec.json.encode(info()))
        if request.path == "/v1/limatui/status":
            return _get(request, lambda: msgspec.json.encode(status(request.query.get("metrics") == "1")))
        if request.path == "/v1/screenshot":
            return _screenshot(request)
        return Response(404, b"404 page not found\n", "text/plain; charset=utf-8")

    return answer


def _get(request: Request, body: Callable[[], bytes]) -> Response:
    return Response(200, body()) if request.method == "GET" else Response(405)


def _screenshot(request: Request) -> Response:
    if request.method != "GET":
        return Response(405, headers=(("Allow", "GET"),))
    if request.query.get("format", "png").lower() not in ("png", "bmp"):
        return Response(400, msgspec.json.encode({"message": "unknown format; use png or bmp"}))
    return Response(501, msgspec.json.encode({"message": "this driver cannot take screenshots"}))


def systemd_unit(cgroup: Path = Path("/proc/self/cgroup")) -> str:
    """The systemd service that this process runs in, or nothing."""
    try:
        last = cgroup.read_text().strip().splitlines()[-1].rpartition("/")[2]
    except (OSError, IndexError):
        return ""
    return last if last.endswith(".service") else ""
