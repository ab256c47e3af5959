"""What a host agent answers on `ha.sock`: `/v1/info` for everyone, `/v1/limatui/status` for our own clients."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import msgspec

from limacore.base.http1 import Handler, Request, Response
from limacore.base.picture import FORMATS, Pixels
from limacore.drivers.base import GuestMemory
from limacore.errors import LimaError, NotFoundError, StateError, UsageError
from limacore.forward import byhand
from limacore.forward.rules import Fixed
from limacore.model.agentstatus import AgentStatus, HostInfo
from limacore.model.instance import Forward
from limacore.model.mount import MountState

Picture = Callable[[], Awaitable[Pixels | None]]
"""The display as it is now, None where the driver cannot tell; raises StateError without a display, LimaError."""


class Forwards(Protocol):
    """Who keeps the forwards."""

    async def add(self, made: Fixed) -> Forward: ...
    async def remove(self, host: str) -> bool: ...


class Steering(Protocol):
    """Who holds the machine; everything raises LimaError."""

    async def pause(self) -> None: ...
    async def resume(self) -> None: ...
    async def suspend(self) -> None: ...
    async def memory(self) -> GuestMemory: ...
    async def set_memory(self, wanted: int) -> GuestMemory: ...


class Mounts(Protocol):
    """Who keeps the mounts."""

    async def remount(self, mount_point: str) -> MountState: ...


def handler(info: Callable[[], HostInfo], status: Callable[[bool], AgentStatus], pixels: Picture,
            forwards: Forwards, mounts: Mounts, steering: Steering) -> Handler:
    """The answers; `status` is told whether the client wants metrics."""

    async def answer(request: Request) -> Response:
        if request.path == "/v1/info":
            return _get(request, lambda: msgspec.json.encode(info()))
        if request.path == "/v1/limatui/status":
            return _get(request, lambda: msgspec.json.encode(status(request.query.get("metrics") == "1")))
        if request.path == "/v1/limatui/forwards":
            return await _change_forwards(request, forwards)
        if request.path == "/v1/limatui/power":
            return await _power(request, steering)
        if request.path == "/v1/limatui/memory":
            return await _memory(request, steering)
        if request.path == "/v1/limatui/mounts":
            return await _remount(request, mounts)
        if request.path == "/v1/screenshot":
            return await _screenshot(request, pixels)
        return Response(404, b"404 page not found\n", "text/plain; charset=utf-8")

    return answer


def _get(request: Request, body: Callable[[], bytes]) -> Response:
    return Response(200, body()) if request.method == "GET" else Response(405)


async def _change_forwards(request: Request, forwards: Forwards) -> Response:
    query = request.query
    if request.method == "DELETE":
        gone = await forwards.remove(query.get("host", ""))
        return Response(200, b"{}") if gone else _failure(404, f"nothing is forwarded to {query.get('host', '')}")
    if request.method != "POST":
        return Response(405, headers=(("Allow", "POST, DELETE"),))
    try:
        made = byhand.parse(query.get("proto", "tcp"), query.get("guest", ""), query.get("host", ""))
    except UsageError as error:
        return _failure(400, str(error))
    state = await forwards.add(made)
    return _failure(409, state.error) if state.state == "failed" else Response(200, msgspec.json.encode(state))


async def _power(request: Request, steering: Steering) -> Response:
    deeds = {"pause": steering.pause, "resume": steering.resume, "suspend": steering.suspend}
    if request.method != "POST":
        return Response(405, headers=(("Allow", "POST"),))
    deed = deeds.get(request.query.get("do", ""))
    if deed is None:
        return _failure(400, f"`do` must be one of {', '.join(deeds)}")
    try:
        await deed()
    except LimaError as error:
        return _refused(error)
    return Response(200, b"{}")


async def _memory(request: Request, steering: Steering) -> Response:
    if request.method not in ("GET", "POST"):
        return Response(405, headers=(("Allow", "GET, POST"),))
    wanted = request.query.get("bytes", "")
    if request.method == "POST" and not (wanted.isascii() and wanted.isdecimal()):
        return _failure(400, "`bytes` must be a number")
    try:
        found = await (steering.set_memory(int(wanted)) if request.method == "POST" else steering.memory())
    except LimaError as error:
        return _refused(error)
    return Response(200, msgspec.json.encode(found))


def _refused(error: LimaError) -> Response:
    said = {"message": error.message, "detail": error.detail, "hint": error.hint}
    return Response(409 if isinstance(error, StateError) else 500, msgspec.json.encode(said))


async def _remount(request: Request, mounts: Mounts) -> Response:
    if request.method != "POST":
        return Response(405, headers=(("Allow", "POST"),))
    try:
        state = await mounts.remount(request.query.get("remount", ""))
    except LimaError as error:
        return _failure(404 if isinstance(error, NotFoundError) else 409, error.message)
    return Response(200, msgspec.json.encode(state)) if state.mounted else _failure(409, state.error)


async def _screenshot(request: Request, pixels: Picture) -> Response:
    if request.method != "GET":
        return Response(405, headers=(("Allow", "GET"),))
    kind = request.query.get("format", "png").lower()
    if kind not in FORMATS:
        return _failure(400, "unknown format; use png or bmp")
    try:
        found = await pixels()
    except StateError as error:
        return _failure(422, error.message)
    except LimaError as error:
        return _failure(500, str(error))
    if found is None:
        return _failure(501, "this driver cannot take screenshots")
    return Response(200, await asyncio.to_thread(FORMATS[kind], found), f"image/{kind}")


def _failure(status: int, message: str) -> Response:
    return Response(status, msgspec.json.encode({"message": message}))


def systemd_unit(cgroup: Path = Path("/proc/self/cgroup")) -> str:
    """The systemd service that this process runs in, or nothing."""
    try:
        last = cgroup.read_text().strip().splitlines()[-1].rpartition("/")[2]
    except (OSError, IndexError):
        return ""
    return last if last.endswith(".service") else ""
