"""Keeps the host's listeners equal to the guest's: wanted is compared with open, and the difference is done."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from limacore.base.allowance import Allowance
from limacore.errors import LimaError
from limacore.forward.opening import Opener, Openings, Place, remove_socket, why
from limacore.forward.rules import Decision, Fixed, Table, Target, decide, fixed, is_static, joined
from limacore.forward.telling import Log, Report, Telling
from limacore.model.event import PortForwardEvent
from limacore.model.guest import Port, Ports
from limacore.model.instance import Forward
from limacore.ssh.mux import Address

RETRY, LONGEST_RETRY = 2.0, 30.0
"""Seconds between tries of a host port that was taken, and what they grow to; no timer runs while none is."""

MOST = 1024
"""Ports of one guest that are looked at: a guest may not make this process hold any number of sockets."""


class Forwarder:
    """The forwards of one instance. `run` works until cancelled; the other methods only say what has changed."""

    def __init__(self, table: Table, report: Report, log: Log, *, sockets: bool = True,
                 tunnel: Path = Path("/nonexistent")) -> None:
        self._table = table
        self._log = log
        self._telling = Telling(report, log)
        self._tunnel = tunnel
        self._guest: dict[Port, Decision] = {}
        self._fixed = {_place(each): each for each in fixed(table, sockets=sockets)}
        self._barred: set[Place] = set()
        self._open: dict[Place, Address] = {}
        self._failed: dict[Place, str] = {}
        self._openings: Openings | None = None
        self._changed = asyncio.Event()
        self._reconciled = asyncio.Event()
        self._pause, self._due = RETRY, 0.0
        self._rebuilding = False
        self._listed: set[Port] | None = None
        self._left_out = False
        self._too_many, self._odd = Allowance(1, 1 / 600), Allowance(5, 1 / 60)
        self._losses = Allowance(5, 0.1, lambda: log("warning", "the UDP tunnel breaks again and again"))

    def ports(self, message: Ports) -> None:
        """The guest's listeners changed."""
        whole = message.full and not message.more
        self._forget(set(self._guest).difference(message.added) if whole else set(message.removed))
        for port in message.added:
            self._add(port)
        if message.full:
            self._listed = set()
        if self._listed is not None:
            self._listed.update(port for port in message.added if port in self._guest)
            if not message.more:
                self._forget(set(self._guest) - self._listed)
                self._listed = None
        self._wake()

    def wants_all(self) -> bool:
        """Whether there is room again for ports that were left out: then the agent should name all once more."""
        if self._left_out and len(self._guest) < MOST:
            self._left_out = False
            return True
        return False

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
                for port, told in self._telling.told.items()]
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
        self._failed.pop(place, None)
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
            again = await self._awaited()
            self._changed.clear()
            known = set(self._failed)
            await self._reconcile(again)
            if again or self._failed.keys() - known:
                self._pause = min(self._pause * 1.5, LONGEST_RETRY) if again else RETRY
                self._due = asyncio.get_running_loop().time() + self._pause
            self._telling.tell({port: self._outcome(port, decision.target) for port, decision in self._guest.items()})
            if not self._changed.is_set():
                self._reconciled.set()

    async def _awaited(self) -> bool:
        """Until something changes, or the time has come to try again what failed: then True."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._due if self._failed else None):
                await self._changed.wait()
        return bool(self._failed) and asyncio.get_running_loop().time() >= self._due

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
        if not self._losses.take():
            asyncio.get_running_loop().call_later(LONGEST_RETRY, self._wake)
            return
        if lost:
            self._log("warning", "the guest agent's UDP tunnel is gone; making it again")
        self._wake()

    def _forget(self, ports: set[Port]) -> None:
        for port in ports:
            self._guest.pop(port, None)

    def _add(self, port: Port) -> None:
        if port in self._guest or is_static(self._table, port.port):
            return
        if len(self._guest) >= MOST:
            self._left_out = True
            if self._too_many.take():
                self._log("warning", f"the guest listens on more than {MOST} ports; the others are not forwarded")
            return
        try:
            self._guest[port] = decide(self._table, port.protocol, port.ip, port.port)
        except ValueError:
            if self._odd.take():
                self._log("warning", f"the guest agent named an impossible address: {port.ip[:64]!r}")

    def _wanted(self) -> dict[Place, Address]:
        wanted = {place: _connect(made) for place, made in self._fixed.items()}
        for port, decision in self._guest.items():
            target = decision.target
            if target and (place := Place(port.protocol, target)) not in self._barred:
                wanted.setdefault(place, _reachable(port.ip, port.port))
        return wanted

    async def _reconcile(self, again: bool) -> None:
        """Do the difference; what failed is tried once more with `again`, or when something else made room."""
        if self._openings is None:
            return
        wanted = self._wanted()
        unwanted = [each for each in self._open if wanted.get(each) != self._open[each]]
        for place in unwanted:
            await self._close(self._openings, place)
        for place in [each for each in self._failed if each not in wanted]:
            del self._failed[place]
        for place in self._to_open(wanted, again or bool(unwanted)):
            await self._listen(self._openings, place, wanted[place])
            if self._changed.is_set():
                return  # perhaps the rest is unwanted by now
        if self._rebuilding and self._openings:
            self._rebuilding = False
            self._log("info", f"forwards were made again: {len(self._open)} open, {len(self._failed)} failed")

    def _to_open(self, wanted: dict[Place, Address], again: bool) -> list[Place]:
        """New ones first: finding who has a port that is taken needs 50 ms or more."""
        missing = [each for each in wanted if each not in self._open]
        new = [each for each in missing if each not in self._failed]
        return new + [each for each in missing if again and each in self._failed]

    async def _close(self, openings: Openings | None, place: Place) -> None:
        connect = self._open.pop(place, None)
        if connect and openings:
            await openings.close(place, connect)

    async def _listen(self, openings: Openings | None, place: Place, connect: Address) -> None:
        if openings is None or openings is not self._openings:
            return
        made = self._fixed.get(place)
        try:
            await openings.open(place, connect)
        except (LimaError, OSError) as error:
            reason = await why(place, error)
            if openings is self._openings:
                if made and place not in self._failed:
                    self._telling.fixed(made, reason)
                self._failed[place] = reason
            return
        if openings is self._openings:
            self._open[place] = connect
            self._failed.pop(place, None)
            if made:
                self._telling.fixed(made)

    def _state(self, place: Place, made: Fixed) -> Forward:
        error = self._failed.get(place, "")
        state = "forwarding" if place in self._open else "failed" if error else "waiting"
        return Forward(made.protocol, str(made.guest), str(made.host), state, error, made.rule)

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
