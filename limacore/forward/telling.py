"""What is said of forwards: an event and a line for each that came, failed or went, within limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from limacore.base.allowance import Allowance
from limacore.forward.rules import Fixed
from limacore.model.event import PortForwardEvent
from limacore.model.guest import Port

BURST, RATE = 4096, 1.0
"""Changes that are told at once and for each second: ports that come and go in a loop must not fill the host's disk."""

_EVERYBODYS = frozenset({("tcp", "53"), ("udp", "53"), ("udp", "323"), ("udp", "5353"), ("udp", "5355")})
"""Ports of name and time services that a host and its guests have alike."""

Report = Callable[[PortForwardEvent], None]
Log = Callable[[str, str], None]


class Telling:
    """Remembers what was told last of each port, and tells what differs."""

    def __init__(self, report: Report, log: Log) -> None:
        self.told: dict[Port, PortForwardEvent] = {}
        self._report = report
        self._log = log
        self._allowance = Allowance(BURST, RATE, lambda: log(
            "warning", "ports of the guest come and go too often: they are followed, but not each is told"))

    def tell(self, outcomes: Mapping[Port, PortForwardEvent | None]) -> None:
        """What has become of every port that the guest listens on; None is nothing new."""
        for port in [each for each in self.told if each not in outcomes]:
            self._end(self.told.pop(port))
        for port, event in outcomes.items():
            if event and event != (last := self.told.get(port)):
                self.told[port] = event
                if last and event.type == "not-forwarding":
                    self._end(last)
                self._say(event, *_line(event))

    def fixed(self, made: Fixed, why: str = "") -> None:
        """What was asked for by rule or by hand is open, or with `why` it is not."""
        if why:
            self._log("warning", f"cannot forward {made.guest} to {made.host}: {why}")
        elif made.protocol == "reverse":
            self._log("info", f"Forwarding `{made.host}` (host) to `{made.guest}` (guest)")
        elif made.guest.port:
            kind = made.protocol.upper()
            self._log("info", f"Setting up static {kind} forwarding from {made.guest} to {made.host}")
        else:
            self._log("info", f"Forwarding `{made.guest}` (guest) to `{made.host}` (host)")

    def _end(self, last: PortForwardEvent) -> None:
        if last.type == "forwarding":
            self._say(PortForwardEvent("stopping", last.protocol, last.guest_addr, last.host_addr), "info",
                      f"Stopping forwarding {last.protocol.upper()} from {last.guest_addr} to {last.host_addr}")

    def _say(self, event: PortForwardEvent, level: str, line: str) -> None:
        if self._allowance.take():
            self._log(level, line)
            self._report(event)


def _line(event: PortForwardEvent) -> tuple[str, str]:
    protocol = event.protocol.upper()
    if event.type == "forwarding":
        return "info", f"Forwarding {protocol} from {event.guest_addr} to {event.host_addr}"
    if event.type == "failed":
        level = "info" if _negligible(event) else "warning"
        return level, f"Not forwarding {protocol} {event.guest_addr} to {event.host_addr}: {event.error}"
    return "info", f"Not forwarding {protocol} {event.guest_addr}"


def _negligible(event: PortForwardEvent) -> bool:
    """What every computer has itself, or not everybody may have: not worth a warning."""
    port = event.guest_addr.rpartition(":")[2]
    return "needs privileges" in event.error or (event.protocol, port) in _EVERYBODYS
