"""The networks of networks.yaml: list, add, remove, and which instances use them."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from msgspec import Struct

from limacore.base import yamlio
from limacore.base.files import locked, write_atomic
from limacore.base.goquote import ticked
from limacore.config import networks
from limacore.errors import AlreadyExistsError, NotFoundError, UsageError
from limacore.model.network import NamedNetwork, Networks
from limacore.paths import HomePaths, check_identifier
from limacore.store.scan import scan

_BRIDGED = "bridged"
_CIDR = re.compile(r"(.*)/(\d{1,3})")


class Wanted(Struct, frozen=True):
    """What a new network shall be; `gateway` as `ADDRESS` or `ADDRESS/LENGTH`."""

    mode: str = "user-v2"
    gateway: str = ""
    interface: str = ""


def known(home: HomePaths) -> Networks:
    """What networks.yaml says, which is written first where there is none; raises ConfigError, HostError."""
    return networks.load_or_create(home.networks_yaml)


def create(home: HomePaths, name: str, wanted: Wanted) -> None:
    """Add a network; raises UsageError, AlreadyExistsError, ConfigError."""
    if name in known(home).networks:
        raise AlreadyExistsError(f"network {ticked(name)} already exists")
    check_identifier(name)
    entry = entry_for(wanted)
    with locked(home.config):
        from limacore.config.edit import RoundTrip

        document = RoundTrip(yamlio.read(home.networks_yaml))
        if not isinstance(document.root.get("networks"), dict):
            document.root["networks"] = {}
        if name in document.root["networks"]:  # somebody else was quicker
            raise AlreadyExistsError(f"network {ticked(name)} already exists")
        document.root["networks"][name] = entry
        write_atomic(home.networks_yaml, document.text())


def entry_for(wanted: Wanted) -> dict[str, Any]:
    """The entry of networks.yaml for a wanted network; raises UsageError."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    mode, bridged = ticked(wanted.mode), wanted.mode == _BRIDGED
    unfit, needed = ("gateway", "interface") if bridged else ("interface", "gateway")
    if getattr(wanted, unfit):
        raise UsageError(f"network mode {mode} does not support specifying {unfit}", hint=f"leave out --{unfit}")
    if not getattr(wanted, needed):
        raise UsageError(f"network mode {mode} requires specifying {needed}", hint=f"add --{needed}")
    if bridged:
        return {"mode": wanted.mode, "interface": wanted.interface}
    gateway, netmask = address_and_mask(wanted.gateway)
    return {"mode": wanted.mode, "gateway": gateway, "netmask": netmask, "interface": DoubleQuotedScalarString("")}


def address_and_mask(text: str) -> tuple[str, str]:
    """Gateway and netmask of `192.168.42.1/24`; /24 when there is no length. Raises UsageError."""
    cidr = text if "/" in text else f"{text}/24"
    match = _CIDR.fullmatch(cidr)
    try:
        found = ipaddress.ip_interface(cidr) if match else None
    except ValueError:
        found = None
    if found is None:
        raise UsageError(f"failed to parse CIDR {ticked(cidr)}: invalid CIDR address: {cidr}",
                         hint="write it as ADDRESS/LENGTH, such as 192.168.42.1/24")
    if found.ip.is_unspecified or found.ip.is_loopback:
        raise UsageError(f"invalid IP address: {found.ip}", hint="use an address of a private network")
    return str(found.ip), str(found.netmask)


def delete(home: HomePaths, names: tuple[str, ...]) -> None:
    """Remove networks, those that there are; raises ConfigError, HostError."""
    known(home)
    with locked(home.config):
        from limacore.config.edit import RoundTrip

        document = RoundTrip(yamlio.read(home.networks_yaml))
        entries = document.root.get("networks")
        if isinstance(entries, dict) and any(name in entries for name in names):
            for name in names:
                _remove(document.root, entries, name)
            write_atomic(home.networks_yaml, document.text())


def _remove(root: Any, entries: Any, name: str) -> None:
    if name not in entries:
        return
    if next(iter(entries)) == name:
        # What stands above the first entry belongs to it, but the parser gives it to the mapping.
        for holder in (entries.ca, root.ca.items.get("networks")):
            _forget_comment(holder)
    del entries[name]


def _forget_comment(holder: Any) -> None:
    if isinstance(holder, list):
        holder[2:] = [None] * len(holder[2:])
    elif holder is not None and holder.comment:
        holder.comment = None


def find(home: HomePaths, name: str) -> NamedNetwork:
    """The network of that name; raises NotFoundError, ConfigError."""
    config = known(home)
    if name not in config.networks:
        raise NotFoundError(f"network {ticked(name)} is not defined",
                            hint=f"there are: {', '.join(sorted(config.networks))}")
    return config.networks[name]


def usage(home: HomePaths) -> dict[str, tuple[str, ...]]:
    """Which instances ask for which network: names of networks to names of instances, both sorted."""
    users: dict[str, set[str]] = {}
    for instance in scan(home):
        for network in instance.config.networks if instance.config else ():
            if network.lima:
                users.setdefault(network.lima, set()).add(instance.name)
    return {name: tuple(sorted(users[name])) for name in sorted(users)}
