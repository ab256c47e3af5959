"""Keeps the host's listeners equal to the guest's: wanted is compared with open, and the difference is done."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from limacore.errors import LimaError
from limacore.forward import owner
from limacore.forward.rules import Fixed, Table, Target, fixed, is_static, joined, match
from limacore.model.event import PortForwardEvent
from limacore.model.guest import Port, Ports
from limacore.model.instance import Forward
from limacore.ssh.mux import Address

RETRY = 2.0
"""Seconds between tries of a host port that was taken; no timer runs while none is."""

MOST = 1024
"""Ports of one guest that are looked at: a guest may not make this process hold any number of sockets."""

Report = Callable[[PortForwardEvent], None]
Log = Callable[[str, str], None]


class Opener(Protocol):
    """Who listens here and connects there: the ssh master."""

    async def open_forward(self, listen: Address, connect: Address) -> None: ...
    async def close_forward(self, listen: Address, connect: Address) -> None: ...


class Forwarder:
    """The forwards of one instance. `run` works until cancelled; the other methods only say what has changed."""

    def __init__(self, table: Table, report: Report, log: Log, *, sockets: bool = True) -> None:
        self._table = table
        self._report = report
        self._log = log
        self._guest: dict[Port, Target | None] = {}
        self._fixed = {each.host: each for each in fixed(table, sockets=sockets)}
        self._open: dict[Target, Address] = {}
        self._failed: dict[Target, str] = {}
        self._told: dict[Port, PortForwardEvent] = {}
        self._opener: Opener | None = None
        self._changed = asyncio.Event()

    def ports(self, message: Ports) -> None:
        """The guest's listeners changed."""
        gone = set(self._guest) - set(message.added) if message.full else set(message.removed)
        for port in gone:
            self._guest.pop(port, None)
        for port in message.added:
            self._add(port)
        self._changed.set()

    def attach(self, opener: Opener | None) -> None:
        """A new master took over, or None: there is none, and with it went every listener."""
        self._opener = opener
        for target in self._open:
            _remove_socket(target)
        self._open.clear()
        self._failed.clear()
        self._changed.set()

    def clear(self) -> None:
        """The guest went away or began anew: it listens nowhere."""
        self.ports(Ports(full=True))

    def current(self) -> tuple[Forward, ...]:
        """Every port that the guest listens on and what became of it."""
        return tuple(
            Forward(told.protocol, told.guest_addr, told.host_addr, told.type, told.error)
            for told in self._told.values()
        )

    async def run(self) -> None:
        """Follow the changes; a host port that is taken is tried again until it frees."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RETRY if self._failed else None):
                    await self._changed.wait()
            self._changed.clear()
            await self._reconcile()
            self._tell()

    def _add(self, port: Port) -> None:
        if port in self._guest or (is_static(self._table, port.port) and port.protocol == "tcp"):
            return
        if len(self._guest) >= MOST:
            self._log("warning", f"the guest listens on more than {MOST} ports; the others are not forwarded")
            return
        try:
            self._guest[port] = match(self._table, port.protocol, port.ip, port.port)
        except ValueError:
            self._log("warning", f"the guest agent named an impossible address: {port.ip[:64]!r}")

    def _wanted(self) -> dict[Target, Address]:
        wanted = {each.host: _reachable(each.guest.host, each.guest.port) for each in self._fixed.values()}
        for port, target in self._guest.items():
            if target and port.protocol == "tcp":
                wanted.setdefault(target, _reachable(port.ip, port.port))
        return wanted

    async def _reconcile(self) -> None:
        if self._opener is None:
            return
        wanted = self._wanted()
        for target in [each for each in self._open if wanted.get(each) != self._open[each]]:
            await self._close(self._opener, target)
        for target in [each for each in self._failed if each not in wanted]:
            del self._failed[target]
        for target in [each for each in wanted if each not in self._open]:
            await self._listen(self._opener, target, wanted[target])

    async def _close(self, opener: Opener, target: Target) -> None:
        connect = self._open.pop(target, None)
        if connect:
            with contextlib.suppress(LimaError):
                await opener.close_forward(_listening(target), connect)
        _remove_socket(target)

    async def _listen(self, opener: Opener, target: Target, connect: Address) -> None:
        try:
            _make_place(target)
            await opener.open_forward(_listening(target), connect)
        except (LimaError, OSError) as error:
            why = await _why(target, error)
            if opener is self._opener:
                self._tell_fixed(self._fixed.get(target) if target not in self._failed else None, why)
                self._failed[target] = why
            return
        if opener is self._opener:
            self._open[target] = connect
            self._failed.pop(target, None)
            self._tell_fixed(self._fixed.get(target))

    def _tell_fixed(self, made: Fixed | None, why: str = "") -> None:
        if made is None:
            return
        if why:
            self._log("warning", f"cannot forward {made.guest} to {made.host}: {why}")
        elif made.guest.port:
            self._log("info", f"Setting up static TCP forwarding from {made.guest} to {made.host}")
        else:
            self._log("info", f"Forwarding `{made.guest}` (guest) to `{made.host}` (host)")

    def _tell(self) -> None:
        """Report what differs from what was reported last."""
        for port in [each for each in self._told if each not in self._guest]:
            self._tell_end(self._told.pop(port))
        for port, target in self._guest.items():
            event = self._outcome(port, target)
            if event and event != self._told.get(port):
                self._told[port] = event
                self._log_outcome(event)
                self._report(event)

    def _tell_end(self, last: PortForwardEvent) -> None:
        if last.type != "forwarding":
            return
        self._log("info", f"Stopping forwarding {last.protocol.upper()} from {last.guest_addr} to {last.host_addr}")
        self._report(PortForwardEvent("stopping", last.protocol, last.guest_addr, last.host_addr))

    def _outcome(self, port: Port, target: Target | None) -> PortForwardEvent | None:
        guest = joined(port.ip, port.port)
        if target is None:
            silent = port.protocol in self._table.silent
            return None if silent else PortForwardEvent("not-forwarding", port.protocol, guest)
        if port.protocol != "tcp":
            return PortForwardEvent("not-forwarding", port.protocol, guest, error="only TCP is forwarded so far")
        if target in self._open:
            return PortForwardEvent("forwarding", port.protocol, guest, str(target))
        if target in self._failed:
            return PortForwardEvent("failed", port.protocol, guest, str(target), self._failed[target])
        return None

    def _log_outcome(self, event: PortForwardEvent) -> None:
        protocol = event.protocol.upper()
        if event.type == "forwarding":
            self._log("info", f"Forwarding {protocol} from {event.guest_addr} to {event.host_addr}")
        elif event.type == "failed":
            self._log("warning", f"Not forwarding {protocol} {event.guest_addr} to {event.host_addr}: {event.error}")
        else:
            self._log("info", f"Not forwarding {protocol} {event.guest_addr}")


def _reachable(ip: str, port: int) -> Address:
    """Where the guest's own ssh server connects to reach a listener."""
    return Address({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(ip, ip), port)


def _listening(target: Target) -> Address:
    # ssh takes `*` for every address of both families; 0.0.0.0 would leave IPv6 out.
    return Address("*" if target.host == "0.0.0.0" else target.host, target.port)


def _make_place(target: Target) -> None:
    if not target.port:
        Path(target.host).parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        _remove_socket(target)


def _remove_socket(target: Target) -> None:
    path = Path(target.host)
    if not target.port and path.is_socket():
        path.unlink(missing_ok=True)


async def _why(target: Target, error: Exception) -> str:
    found = await owner.reason(target) if target.port else ""
    return found or str(error)
