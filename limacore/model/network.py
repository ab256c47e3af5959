"""Addresses of the built-in network, and hardware addresses derived from paths."""

from __future__ import annotations

import hashlib
from pathlib import Path

SLIRP_NETWORK = "192.168.5.0/24"
SLIRP_GATEWAY = "192.168.5.2"
SLIRP_DNS = "192.168.5.3"
SLIRP_GUEST = "192.168.5.15"


def machine_id() -> str:
    """What identifies this computer in derived addresses; the host name where nothing better exists."""
    for name in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            text = Path(name).read_text().strip()
        except OSError:
            continue
        if text:
            return text
    import socket

    return socket.gethostname()


def mac_address(unique: str) -> str:
    """The hardware address of an interface; `unique` is the instance directory for eth0."""
    digest = hashlib.sha256((machine_id() + unique).encode()).hexdigest()
    return f"52:55:55:{digest[0:2]}:{digest[2:4]}:{digest[4:6]}"
