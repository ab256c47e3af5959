"""What a host agent and `reconcile` ask of a running user-v2 network, ours or the reference tool's."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from limacore.base import http1
from limacore.errors import StateError
from limacore.network.uplink import Forward
from limacore.network.zones import Zone

LEASES = "/services/dhcp/leases"
_TIME = 10.0
T = TypeVar("T")


async def leases(socket: Path) -> dict[str, str]:
    """Addresses and hardware addresses; raises StateError."""
    return _table(await _ask(socket, LEASES))


def leases_now(socket: Path) -> dict[str, str]:
    """The same without an event loop; raises OSError, TimeoutError, StateError."""
    return _table(http1.request_sync(socket, LEASES))


async def zones(socket: Path) -> list[Zone]:
    """The names that are known; raises StateError."""
    return _decoded(await _ask(socket, "/services/dns/all"), list[Zone])


async def expose(socket: Path, forward: Forward) -> None:
    """Forward a port of this computer; raises StateError with the reason when that cannot be done."""
    await _ask(socket, "/services/forwarder/expose", msgspec.json.encode(forward))


async def unexpose(socket: Path, forward: Forward) -> None:
    """End a forward; raises StateError."""
    asked = {"local": forward.local, "protocol": forward.protocol}
    await _ask(socket, "/services/forwarder/unexpose", msgspec.json.encode(asked))


async def add_zone(socket: Path, zone: Zone) -> None:
    """Add names; raises StateError."""
    await _ask(socket, "/services/dns/add", msgspec.json.encode(zone))


async def _ask(socket: Path, target: str, body: bytes = b"") -> http1.Response:
    try:
        response = await http1.request(socket, target, method="POST" if body else "GET", body=body, timeout=_TIME)
    except (OSError, TimeoutError) as error:
        raise StateError(f"the network at `{socket}` does not answer", detail=str(error),
                         hint="restart the instances that use it") from error
    if response.status != 200:
        raise StateError(response.body.decode(errors="replace").strip() or f"status {response.status}")
    return response


def _table(response: http1.Response) -> dict[str, str]:
    return _decoded(response, dict[str, str])


def _decoded(response: http1.Response, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(response.body, type=kind)
    except msgspec.DecodeError as error:
        raise StateError("the network gave no answer that can be read", detail=str(error)) from error
