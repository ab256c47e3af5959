"""Keeps the host's listeners equal to the guest's: wanted is compared with open, and the difference is done."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from limacore.errors import LimaError
from limacore.forward.opening import Opener, Openings, Place, remove_socket, why
from limacore.forward.rules import Decision, Fixed, Table, Target, decide, fixed, is_static, joined
from limacore.model.event import PortForwardEvent
from limacore.model.guest import Port, Ports
from limacore.model.instance import Forward
from limacore.ssh.mux import Address

RETRY, LONGEST_RETRY = 2.0, 30.0
"""Seconds between tries of a host port that was taken, and what they grow to; no timer runs while none is."""

MOST = 1024
"""Ports of one guest that are looked at: a guest may not make this process hold any number of sockets."""

_EVERYBODYS = frozenset({("tcp", "53"), ("udp", "53"), ("udp", "323"), ("udp", "5353"), ("udp", "5355")})
"""Ports of name and time services that a host and its guests have alike."""

Report = Callable[[PortForwardEvent], None]
Log = Callable[[str, str], None]


class Forwarder:
    """The forwards of one instance. `run` works until cancelled; the other methods only say what has changed."""

    def __init__(self, table: Table, report: Report, log: Log, *, sockets: bool = True,
                 tunnel: Path = Path("/nonexistent")) -> None:
        self._table = table
        self._report = report
        self._log = log
        self._tunnel = tunnel
        self._guest: dict[Port, Decision] = {}
        self._fixed = {_place(each): each for each in fixed(table, sockets=sockets)}
        self._barred: set[Place] = set()
        self._open: dict[Place, Address] = {}
        self._failed: dict[Place, str] = {}
        self._told: dict[Port, PortForwardEvent] = {}
        self._openings: Openings | None = None
        self._changed = asyncio.Event()
        self._reconciled = asyncio.Event()
        self._pause = RETRY
        self._rebuilding = False

    def ports(self, message: Ports) -> None:
        """The guest's listeners changed."""
        gone = set(self._guest) - set(message.added) if message.full else set(message.removed)
        for port in gone:
            self._guest.pop(port, None)
        for port in message.added:
            self._add(port)
        self._wake()

    def attach(self, opener: Opener | None) -> None:
        """A new master took over, or None: there is none, and with it went every listener."""
        if self._openings:
            self._openings.drop()
        self._rebuilding = self._rebuilding or bool(self._open)
        self._openings = Openings(opener, self._tunnel, self._lost_udp) if opener else None
        for place in self._open:
            remove_socket(place.target)
        self._open.clear()
        self._failed.clear()
        self._wake()

    def clear(self) -> None:
        """The guest went away or began anew: it listens nowhere."""
        self.ports(Ports(full=True))

    def current(self) -> tuple[Forward, ...]:
        """Every port that the guest listens on and what became of it, then what was asked for by rule or by hand."""
        seen = [Forward(told.protocol, told.guest_addr, told.host_addr, told.type, told.error, self._rule(port))
                for port, told in self._told.items()]
        return (*seen, *(self._state(place, made) for place, made in self._fixed.items()))

    def _rule(self, port: Port) -> str:
        """What decided over a port of the guest."""
        decision = self._guest.get(port, Decision())
        stopped = decision.target and Place(port.protocol, decision.target) in self._barred
        return "stopped by hand" if stopped else decision.rule

    async def add(self, made: Fixed) -> Forward:
        """Forward until this process ends or `remove`; the state tells whether it worked. A failed one is not kept."""
        place = _place(made)
        self._barred.discard(place)
        known = self._fixed.get(place)
        self._fixed[place] = made
        await self._settled()
        state = self._state(place, made)
        if state.state != "forwarding" and self._openings:
            if known:
                self._fixed[place] = known
            else:
                del self._fixed[place]
            self._wake()
        return state

    async def remove(self, host: str) -> bool:
        """Stop what `host` (as `current` tells it) names, whatever made it; False when there is nothing of that name.

        A port of a rule stays off until it is added again."""
        found = {place for place, made in self._fixed.items() if host in (str(made.host), str(place.target))}
        found |= {place for place in self._wanted() if str(place.target) == host}
        for place in found:
            if self._fixed.pop(place, None) is None:
                self._barred.add(place)
        if found:
            await self._settled()
        return bool(found)

    async def run(self) -> None:
        """Follow the changes; a host port that is taken is tried again until it frees."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause if self._failed else None):
                    await self._changed.wait()
            self._pause = RETRY if self._changed.is_set() else min(self._pause * 1.5, LONGEST_RETRY)
            self._changed.clear()
            await self._reconcile()
            self._tell()
            if not self._changed.is_set():
                self._reconciled.set()

    def _wake(self) -> None:
        self._reconciled.clear()
        self._changed.set()

    async def _settled(self, most: float = 15.0) -> None:
        self._wake()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(most):
                await self._reconciled.wait()

    def _lost_udp(self) -> None:
        lost = [place for place in self._open if place.protocol == "udp"]
        for place in lost:
            del self._open[place]
        if lost:
            self._rebuilding = True
            self._log("warning", "the guest agent's UDP tunnel is gone; making it again")
        self._wake()

    def _add(self, port: Port) -> None:
        if port in self._guest or is_static(self._table, port.port):
            return
        if len(self._guest) >= MOST:
            self._log("warning", f"the guest listens on more than {MOST} ports; the others are not forwarded")
            return
        try:
            self._guest[port] = decide(self._table, port.protocol, port.ip, port.port)
        except ValueError:
            self._log("warning", f"the guest agent named an impossible address: {port.ip[:64]!r}")

    def _wanted(self) -> dict[Place, Address]:
        wanted = {place: _connect(made) for place, made in self._fixed.items()}
        for port, decision in self._guest.items():
            target = decision.target
            if target and (place := Place(port.protocol, target)) not in self._barred:
                wanted.setdefault(place, _reachable(port.ip, port.port))
        return wanted

    async def _reconcile(self) -> None:
        if self._openings is None:
            return
        wanted = self._wanted()
        for place in [each for each in self._open if wanted.get(each) != self._open[each]]:
            await self._close(self._openings, place)
        for place in [each for each in self._failed if each not in wanted]:
            del self._failed[place]
        for place in [each for each in wanted if each not in self._open]:
            await self._listen(self._openings, place, wanted[place])
        if self._rebuilding and self._openings and not self._changed.is_set():
            self._rebuilding = False
            self._log("info", f"forwards were made again: {len(self._open)} open, {len(self._failed)} failed")

    async def _close(self, openings: Openings | None, place: Place) -> None:
        connect = self._open.pop(place, None)
        if connect and openings:
            await openings.close(place, connect)

    async def _listen(self, openings: Openings | None, place: Place, connect: Address) -> None:
        if openings is None or openings is not self._openings:
            return
        try:
            await openings.open(place, connect)
        except (LimaError, OSError) as error:
            reason = await why(place, error)
            if openings is self._openings:
                self._tell_fixed(self._fixed.get(place) if place not in self._failed else None, reason)
                self._failed[place] = reason
            return
        if openings is self._openings:
            self._open[place] = connect
            self._failed.pop(place, None)
            self._tell_fixed(self._fixed.get(place))

    def _state(self, place: Place, made: Fixed) -> Forward:
        error = self._failed.get(place, "")
        state = "forwarding" if place in self._open else "failed" if error else "waiting"
        return Forward(made.protocol, str(made.guest), str(made.host), state, error, made.rule)

    def _tell_fixed(self, made: Fixed | None, why: str = "") -> None:
        if made is None:
            return
        if why:
            self._log("warning", f"cannot forward {made.guest} to {made.host}: {why}")
        elif made.protocol == "reverse":
            self._log("info", f"Forwarding `{made.host}` (host) to `{made.guest}` (guest)")
        elif made.guest.port:
            kind = made.protocol.upper()
            self._log("info", f"Setting up static {kind} forwarding from {made.guest} to {made.host}")
        else:
            self._log("info", f"Forwarding `{made.guest}` (guest) to `{made.host}` (host)")

    def _tell(self) -> None:
        """Report what differs from what was reported last."""
        for port in [each for each in self._told if each not in self._guest]:
            self._tell_end(self._told.pop(port))
        for port, decision in self._guest.items():
            event = self._outcome(port, decision.target)
            if event and event != (last := self._told.get(port)):
                self._told[port] = event
                if last and event.type == "not-forwarding":
                    self._tell_end(last)
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
        place = Place(port.protocol, target)
        if place in self._barred:
            return PortForwardEvent("not-forwarding", port.protocol, guest)
        if place in self._open:
            return PortForwardEvent("forwarding", port.protocol, guest, str(target))
        if place in self._failed:
            return PortForwardEvent("failed", port.protocol, guest, str(target), self._failed[place])
        return None

    def _log_outcome(self, event: PortForwardEvent) -> None:
        protocol = event.protocol.upper()
        if event.type == "forwarding":
            self._log("info", f"Forwarding {protocol} from {event.guest_addr} to {event.host_addr}")
        elif event.type == "failed":
            level = "info" if _negligible(event) else "warning"
            self._log(level, f"Not forwarding {protocol} {event.guest_addr} to {event.host_addr}: {event.error}")
        else:
            self._log("info", f"Not forwarding {protocol} {event.guest_addr}")


def _reachable(ip: str, port: int) -> Address:
    """Where the guest's own ssh server (or its agent) connects to reach a listener."""
    return Address({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(ip, ip), port)


def _place(made: Fixed) -> Place:
    """A socket of the guest that leads to the host is listened on in the guest."""
    return Place(made.protocol, made.guest if made.protocol == "reverse" else made.host)


def _connect(made: Fixed) -> Address:
    if made.protocol == "reverse":
        return Address(made.host.host, made.host.port)
    return _reachable(made.guest.host, made.guest.port)


def _negligible(event: PortForwardEvent) -> bool:
    """What every computer has itself, or not everybody may have: not worth a warning."""
    port = event.guest_addr.rpartition(":")[2]
    return "needs privileges" in event.error or (event.protocol, port) in _EVERYBODYS
