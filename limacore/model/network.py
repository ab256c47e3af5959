"""Networks: addresses of the built-in one, those of networks.yaml, hardware addresses derived from paths."""

from __future__ import annotations

import functools
import hashlib
import re
import sys
from ipaddress import IPv4Network
from pathlib import Path

from msgspec import Struct, field

SLIRP_NETWORK = "192.168.5.0/24"
SLIRP_GATEWAY = "192.168.5.2"
SLIRP_DNS = "192.168.5.3"
SLIRP_GUEST = "192.168.5.15"

_MASK = "255.255.255.0"
USER_V2 = "user-v2"
"""The mode of networks that need no privileged daemon; also the name of the one that is always there."""


class NamedNetwork(Struct, frozen=True, kw_only=True, rename="camel"):
    """An entry of `networks` in networks.yaml; addresses are texts, empty where none is given."""

    mode: str = ""
    interface: str = ""
    gateway: str = ""
    dhcp_end: str = ""
    netmask: str = ""

    @property
    def subnet(self) -> IPv4Network:
        """The addresses of a network that has a gateway; raises ValueError for what is none."""
        return IPv4Network(f"{self.gateway}/{self.netmask or _MASK}", strict=False)

    @property
    def guest_gateway(self) -> str:
        """The gateway of mode user-v2: always the second address, whatever `gateway` says. Raises ValueError."""
        return str(self.subnet.network_address + 2)


DEFAULT_USER_V2 = NamedNetwork(mode=USER_V2, gateway="192.168.104.1", netmask=_MASK)
"""The network that is always there."""


class NetworkPaths(Struct, frozen=True, kw_only=True, rename="camel"):
    """`paths` of networks.yaml."""

    socket_vmnet: str = field(default="", name="socketVMNet")
    var_run: str = ""
    sudoers: str = ""


class Networks(Struct, frozen=True, kw_only=True):
    """networks.yaml, with a `user-v2` network always there."""

    paths: NetworkPaths = NetworkPaths()
    group: str = ""
    networks: dict[str, NamedNetwork] = {}

    def user_v2(self, name: str) -> NamedNetwork | None:
        """The network of that name if it is of mode user-v2; the default one for a name that is not defined."""
        found = self.networks.get(name, DEFAULT_USER_V2)
        return found if name and found.mode == USER_V2 else None


def vmnet_socket(paths: NetworkPaths, name: str) -> Path:
    """Where socket_vmnet serves a network of another mode."""
    return Path(paths.var_run) / f"socket_vmnet.{name}"


def machine_id() -> str:
    """What identifies this computer in derived addresses; the host name where nothing better exists."""
    if sys.platform == "darwin" and (uuid := platform_uuid(_registry())):
        return uuid
    for name in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            text = Path(name).read_text().strip()
        except OSError:
            continue
        if text:
            return text
    import socket

    return socket.gethostname()


def platform_uuid(registry: str) -> str:
    """The UUID of a Mac in what `ioreg` prints; empty when it is not there."""
    found = re.search(r'"IOPlatformUUID" = "([^"]+)"', registry)
    return found.group(1) if found else ""


@functools.cache
def _registry() -> str:
    import subprocess

    command = ["/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def mac_address(unique: str) -> str:
    """The hardware address of an interface; `unique` is the instance directory for eth0."""
    digest = hashlib.sha256((machine_id() + unique).encode(errors="surrogateescape")).hexdigest()
    return f"52:55:55:{digest[0:2]}:{digest[2:4]}:{digest[4:6]}"


def vsock_port(vm_type: str, unique: str) -> int:
    """The vsock port of the guest agent, 0 where there is none; `unique` is the instance directory.

    Of WSL every distribution is in one machine, so each needs another."""
    if vm_type in ("vz", "krunkit"):
        return 2222
    if vm_type != "wsl2":
        return 0
    return 50000 + int(hashlib.sha256(unique.encode(errors="surrogateescape")).hexdigest()[:8], 16) % 10000
