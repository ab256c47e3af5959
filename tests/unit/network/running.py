"""Running networks as tests want them."""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from limacore.base.proc import identity
from limacore.network import service
from limacore.paths import NetworkPaths

NET = IPv4Network("192.168.104.0/24")
GATEWAY = IPv4Address("192.168.104.2").packed


def until(condition: Callable[[], Any], what: str, limit: float = 60.0) -> Any:
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {limit:.0f} s: {what}")


def uplink_of(network: NetworkPaths) -> int:
    """The process of the QEMU that leads out."""
    daemon = service.running(network)
    children = Path(f"/proc/{daemon}/task/{daemon}/children").read_text().split()
    return next((int(each) for each in children if (found := identity(int(each))) and "-netdev" in found.argv), 0)
