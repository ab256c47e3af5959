"""Names that the guest's resolver knows by itself: `hostResolver.hosts`, the host, and the instance."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from limacore.model.network import SLIRP_GATEWAY, SLIRP_GUEST

HOST = "host.lima.internal"
Table = Mapping[str, str]
"""Lower-case names without a final dot, to an address or another name."""


def table(hosts: Mapping[str, str], instance: str, gateway: str = SLIRP_GATEWAY, address: str = SLIRP_GUEST) -> Table:
    """The names of one instance; those of the host and of the instance itself cannot be overridden."""
    guest = instance if instance.startswith("lima-") else f"lima-{instance}"
    own = {HOST: gateway, guest: address, f"{guest}.internal": address}
    return {plain(name): value for name, value in {**hosts, **own}.items()}


def plain(name: str) -> str:
    """A name as tables have it."""
    return name.rstrip(".").lower()


def follow(names: Table, name: str) -> str:
    """Where the chain that begins at `name` ends: an address, or a name that is not ours; empty for a circle."""
    seen = set()
    while (key := plain(name)) in names:
        if key in seen:
            return ""
        seen.add(key)
        name = names[key]
    return name


def is_address(text: str) -> bool:
    """Whether it is an IPv4 or IPv6 address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
