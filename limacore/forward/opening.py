"""How one forward is opened and closed over one ssh connection: TCP and unix sockets by ssh, UDP by the agent."""

from __future__ import annotations

import contextlib
import errno
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from limacore.errors import LimaError
from limacore.forward import owner, udp
from limacore.forward.rules import Target
from limacore.ssh.mux import LOCAL, REMOTE, Address

AGENT_TUNNEL = "/run/lima-guestagent.tunnel"
"""Where the guest agent takes datagrams."""


class Place(Struct, frozen=True):
    """Where is listened: `tcp` or `udp` on this computer (a unix socket counts as tcp), `reverse` in the guest."""

    protocol: str
    target: Target


class Opener(Protocol):
    """Who listens here and connects there: the ssh master."""

    async def open_forward(self, listen: Address, connect: Address, *, kind: int = LOCAL) -> None: ...
    async def close_forward(self, listen: Address, connect: Address, *, kind: int = LOCAL) -> None: ...
    async def run(self, command: str) -> Any: ...


class Openings:
    """What is opened over one connection; `lost` is called when the UDP ports among it have gone dead."""

    def __init__(self, opener: Opener, tunnel: Path, lost: Callable[[], None]) -> None:
        self._opener = opener
        self._path = tunnel
        self._lost = lost
        self._tunnel: udp.Tunnel | None = None
        self._dialled_before = False
        self._listeners: dict[Place, udp.Listener] = {}

    async def open(self, place: Place, connect: Address) -> None:
        """Listen at `place`; raises LimaError or OSError."""
        if place.protocol == "udp":
            self._listeners[place] = await udp.listen(await self._dialled(), place.target, connect)
        elif place.protocol == "reverse":
            await self._opener.run(f"rm -f {shlex.quote(place.target.host)}")
            await self._opener.open_forward(Address(place.target.host), connect, kind=REMOTE)
        else:
            make_place(place.target)
            await self._opener.open_forward(_listening(place.target), connect)

    async def close(self, place: Place, connect: Address) -> None:
        """Listen there no more; nothing happens when it is already so."""
        if listener := self._listeners.pop(place, None):
            listener.close()
        elif place.protocol == "reverse":
            with contextlib.suppress(LimaError):
                await self._opener.close_forward(Address(place.target.host), connect, kind=REMOTE)
        elif place.protocol == "tcp":
            with contextlib.suppress(LimaError):
                await self._opener.close_forward(_listening(place.target), connect)
            remove_socket(place.target)

    def drop(self) -> None:
        """The connection is gone; so is what was listened on through it."""
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()
        if self._tunnel:
            self._tunnel.hang_up()
        self._tunnel = None
        self._path.unlink(missing_ok=True)

    async def _dialled(self) -> udp.Tunnel:
        if self._tunnel is None:
            listen, connect = Address(str(self._path)), Address(AGENT_TUNNEL)
            if self._dialled_before:  # ssh says yes to a forward that it has, even when its socket is gone
                with contextlib.suppress(LimaError):
                    await self._opener.close_forward(listen, connect)
            self._path.unlink(missing_ok=True)
            await self._opener.open_forward(listen, connect)
            self._dialled_before = True
            self._tunnel = await udp.dial(self._path, self._gone)
        return self._tunnel

    def _gone(self) -> None:
        self.drop()
        self._lost()


def _listening(target: Target) -> Address:
    # ssh takes `*` for every address of both families; 0.0.0.0 would leave IPv6 out.
    return Address("*" if target.host == "0.0.0.0" else target.host, target.port)


def make_place(target: Target) -> None:
    """Room for a unix socket: its folder, and an old socket gone. Raises OSError, also when a file is there."""
    path = Path(target.host)
    if target.port:
        return
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    remove_socket(target)
    if path.exists():
        raise FileExistsError(errno.EEXIST, "a file that is no socket is there", str(path))


def remove_socket(target: Target) -> None:
    """Remove a unix socket of the host; anything else stays."""
    path = Path(target.host)
    if not target.port and path.is_socket():
        path.unlink(missing_ok=True)


async def why(place: Place, error: Exception) -> str:
    """Why `place` could not be listened on, in a sentence."""
    found = await owner.reason(place.target, place.protocol) if place.target.port else ""
    return found or str(error)
