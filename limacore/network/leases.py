"""Which guest has which address of a network: by hardware address, the lowest free one, kept while it can be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network

from limacore.errors import UsageError

GATEWAY_MAC = "5a:94:ef:e4:0c:dd"
"""The hardware address of every network's gateway; the reference tool's."""


class Leases:
    """Addresses of one network. The gateway is always the second one, and in the table like a guest."""

    def __init__(self, network: IPv4Network, known: Mapping[str, str] | None = None) -> None:
        self.network = network
        self.gateway = (network.network_address + 2).packed
        self._last = (network.broadcast_address - 1).packed
        """Never given: the network stack that leads out has it for itself."""
        self._by_mac: dict[bytes, bytes] = {}
        self._by_ip: dict[bytes, bytes] = {}
        self._give(mac_bytes(GATEWAY_MAC), self.gateway)
        for text, mac in (known or {}).items():
            self.take_over(mac_bytes(mac), IPv4Address(text).packed)

    def take_over(self, mac: bytes, address: bytes) -> None:
        """Let a guest without an address have one that it says it has, if that is free."""
        usable = self.network.network_address.packed < address < self._last
        if usable and address not in self._by_ip and mac not in self._by_mac:
            self._give(mac, address)

    def of(self, mac: bytes, *, present: Callable[[bytes], bool] = lambda mac: True) -> bytes | None:
        """The address of a guest, which it keeps; when all are given, that of the one longest not seen goes over.

        `present` says who cannot lose his. None when there is none to have."""
        if mac not in self._by_mac:
            address = self._free() or self._taken_from_absent(present)
            if address is None:
                return None
            self._give(mac, address)
        else:
            self._by_mac[mac] = self._by_mac.pop(mac)  # last seen stands last
        return self._by_mac[mac]

    def _give(self, mac: bytes, address: bytes) -> None:
        self._by_mac[mac] = address
        self._by_ip[address] = mac

    def _free(self) -> bytes | None:
        hosts: Iterable[IPv4Address] = self.network.hosts()
        free = (host.packed for host in hosts if host.packed not in self._by_ip)
        return next((address for address in free if address != self._last), None)

    def _taken_from_absent(self, present: Callable[[bytes], bool]) -> bytes | None:
        for mac, address in self._by_mac.items():
            if address != self.gateway and not present(mac):
                del self._by_mac[mac]
                return address
        return None

    def known(self, mac: bytes) -> str:
        """The address of a guest that has one, as text; else nothing."""
        address = self._by_mac.get(mac)
        return str(IPv4Address(address)) if address else ""

    def mac_of(self, address: bytes) -> bytes | None:
        """Who has an address."""
        return self._by_ip.get(address)

    def table(self) -> dict[str, str]:
        """Addresses and hardware addresses as texts, sorted as texts."""
        texts = {str(IPv4Address(address)): mac_text(mac) for address, mac in self._by_ip.items()}
        return dict(sorted(texts.items()))


def mac_bytes(text: str) -> bytes:
    """The six bytes of `52:55:55:00:00:01`; raises UsageError."""
    try:
        found = bytes.fromhex(text.replace("-", ":").replace(":", ""))
    except ValueError:
        found = b""
    if len(found) != 6:
        raise UsageError(f"{text!r} is no hardware address", hint="write it as 52:55:55:00:00:01")
    return found


def mac_text(mac: bytes) -> str:
    """`52:55:55:00:00:01` of six bytes."""
    return mac.hex(":")
