"""Rules about further network interfaces."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from limacore.base.goquote import ticked
from limacore.base.host import kernel
from limacore.config.networks import load
from limacore.config.rules.finding import wrong
from limacore.errors import ConfigError
from limacore.model.config import Problem
from limacore.model.network import USER_V2, NamedNetwork
from limacore.paths import HomePaths

Known = Mapping[str, NamedNetwork]
_MAC = re.compile(r"(?:[0-9a-fA-F]{2}([:-]))(?:[0-9a-fA-F]{2}\1)*[0-9a-fA-F]{2}|(?:[0-9a-fA-F]{4}\.)+[0-9a-fA-F]{4}")


def networks(filled: dict[str, Any], home: HomePaths) -> Iterator[Problem]:
    """More interfaces; a name that networks.yaml does not have is told instead of all the rest."""
    known: Known = {}
    if any(network.get("lima") for network in filled["networks"]):
        try:
            known = load(home.networks_yaml).networks
        except ConfigError as error:
            yield Problem(path="networks", message=error.message, hint=error.hint)
            return
    found = []
    for number, network in enumerate(filled["networks"]):
        name = network.get("lima")
        if name and not network.get("socket") and not network.get("vzNAT") and name not in known:
            yield wrong(f"networks[{number}].lima", f"network {ticked(name)} is not defined",
                        f"define it in {home.networks_yaml}, or use one of {', '.join(sorted(known))}")
            return
        found.append(network)
    yield from _entries(found, known)


def _entries(entries: list[dict[str, Any]], known: Known) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for number, network in enumerate(entries):
        path = f"networks[{number}]"
        yield from _kind(path, network, known)
        yield from _mac(f"{path}.macAddress", network["macAddress"])
        interface = network["interface"]
        yield from _interface(f"{path}.interface", interface)
        if interface in seen:
            earlier = seen[interface]
            yield wrong(f"{path}.interface", f"{{}} value `{interface}` has already been used by field `{earlier}`")
        seen.setdefault(interface, f"{path}.interface")


def _kind(path: str, network: dict[str, Any], known: Known) -> Iterator[Problem]:
    lima, socket, vznat = network.get("lima"), network.get("socket"), network.get("vzNAT")
    given = [key for key, value in (("lima", lima), ("socket", socket), ("vzNAT", vznat)) if value]
    if not given:
        yield wrong(path, f"field `{path}.lima` or  field `{path}.socket must be set")
    elif len(given) > 1:
        yield wrong(path, f"field `{path}.{given[0]}` and field `{path}.{given[1]}` are mutually exclusive")
    elif lima and known[lima].mode != USER_V2 and kernel() != "darwin":
        yield wrong(f"{path}.lima", "{} is only supported on macOS right now", "use `lima: user-v2`")
    elif socket and Path(socket).exists() and not Path(socket).is_socket():
        yield wrong(f"{path}.socket", f"{{}} `{socket}` points to a non-socket file")


def _mac(path: str, address: str) -> Iterator[Problem]:
    valid = bool(_MAC.fullmatch(address))
    if not valid:
        yield wrong(path, f"field `vmnet.mac` invalid: address {address}: invalid MAC address")
    length = len(re.sub(r"[^0-9a-fA-F]", "", address)) // 2 if valid else 0
    if length != 6:
        yield wrong(path, f"{{}} must be a 48 bit (6 bytes) MAC address; actual length of `{address}` is {length} "
                          "bytes")


def _interface(path: str, name: str) -> Iterator[Problem]:
    length = len(name.encode())
    if length >= 16:
        yield wrong(path, f"{{}} must be less than 16 bytes, but is {length} bytes: `{name}`")
    if re.search(r"[ \t\n/]", name):
        yield wrong(path, "{} must not contain whitespace or slashes")
    if name == "eth0":
        yield wrong(path, "{} must not be set to `eth0` because it is reserved for slirp")
