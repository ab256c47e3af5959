"""A learning switch: frames go where their addressee was last heard of, else to everybody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from limacore.network.frames import DESTINATION, SOURCE

MOST_PLACES = 4096
"""Hardware addresses that are remembered: a guest may invent them."""


class Port(Protocol):
    """A place that frames go to."""

    def send(self, packets: Sequence[bytes]) -> None:
        """Take packets; what cannot be taken now is lost, as on a wire."""


class Switch:
    """Joins ports. One of them is the gateway's, whose address nobody else can have."""

    def __init__(self, gateway: bytes) -> None:
        self._gateway = gateway
        self._ports: dict[Port, int] = {}
        self._places: dict[bytes, Port] = {}
        self._numbers = 0
        self.gone: Callable[[bytes], None] = lambda mac: None
        """Called for everybody whose port has left."""
        self.bytes = 0
        """Bytes that went through."""

    def join(self, port: Port, *, gateway: bool = False) -> None:
        """Make a port part of the network."""
        self._ports[port] = self._numbers
        self._numbers += 1
        if gateway:
            self._places[self._gateway] = port

    def leave(self, port: Port) -> None:
        """Forget a port and who was heard there."""
        self._ports.pop(port, None)
        for mac in [mac for mac, place in self._places.items() if place is port]:
            del self._places[mac]
            self.gone(mac)

    def has(self, mac: bytes) -> bool:
        """Whether somebody with that address is on the network."""
        return mac in self._places

    def places(self) -> dict[bytes, int]:
        """Who was heard at which port."""
        return {mac: self._ports[port] for mac, port in self._places.items() if mac != self._gateway}

    def take(self, port: Port, packets: Sequence[bytes]) -> None:
        """Pass packets on that came in at a port."""
        batches: dict[Port, list[bytes]] = {}
        places = self._places
        for packet in packets:
            source = packet[SOURCE]
            if places.get(source) is not port and not self._learn(source, port):
                continue
            self.bytes += len(packet)
            there = places.get(packet[DESTINATION])
            for place in (there,) if there is not None else self._ports:
                if place is not port:
                    batches.setdefault(place, []).append(packet)
        for place, batch in batches.items():
            place.send(batch)

    def _learn(self, source: bytes, port: Port) -> bool:
        """Remember where somebody is; False for who pretends to be the gateway."""
        if source == self._gateway:
            return self._places.get(source) is port
        if not source[0] & 1 and (source in self._places or len(self._places) < MOST_PLACES):
            self._places[source] = port
        return True
