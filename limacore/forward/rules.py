"""Where a listening port of the guest appears on the host: pure matching, first rule wins.

Source of the semantics: the rule table of Lima 2.2, recorded with real listeners in golden/runtime/ports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from limacore.model.config import PortForward

_EVERY_PORT = (1, 65535)


class Target(Struct, frozen=True):
    """The host side of a forward: an address, or a unix socket (`port` 0)."""

    host: str
    port: int = 0

    def __str__(self) -> str:
        return joined(self.host, self.port) if self.port else self.host


class Table(Struct, frozen=True):
    """The rules of one instance, in the order in which they are tried."""

    rules: tuple[PortForward, ...]
    silent: frozenset[str] = frozenset()
    """Protocols whose forwarding is switched off as a whole: ports not forwarded are not worth a line."""
    static: tuple[PortForward, ...] = ()
    names: tuple[str, ...] = ()
    """What each of `rules` is called."""


class Decision(Struct, frozen=True):
    """Where a port goes (None: nowhere), and the rule that said so."""

    target: Target | None = None
    rule: str = ""


def joined(host: str, port: int) -> str:
    """`host:port`, IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def table(rules: Sequence[PortForward], ssh_port: int, sockets: Path) -> Table:
    """The effective table: ssh ignored, then the instance's rules, then every port of 127.0.0.1."""
    own = [_complete(rule, sockets) for rule in rules]
    fixed = [_ignored(port) for port in dict.fromkeys((22, ssh_port)) if port]
    everything = PortForward(guest_port_range=_EVERY_PORT, host_port_range=_EVERY_PORT)
    names = ("the port of ssh",) * len(fixed), tuple(f"portForwards[{at}]" for at in range(len(own))), ("default",)
    return Table((*fixed, *own, everything), _switched_off(own), tuple(rule for rule in own if rule.static),
                 tuple(name for some in names for name in some))


def _ignored(port: int) -> PortForward:
    return PortForward(guest_ip="0.0.0.0", guest_port_range=(port, port), host_port_range=(port, port), ignore=True)


def _complete(rule: PortForward, sockets: Path) -> PortForward:
    """The defaults of 7.1, for rules whose ranges have not been filled in yet."""
    guest = _range(rule.guest_port_range, rule.guest_port) or _EVERY_PORT
    host = _range(rule.host_port_range, rule.host_port) or guest
    socket = str(sockets / rule.host_socket) if rule.host_socket else ""
    return replace(rule, guest_port_range=guest, host_port_range=host, host_socket=socket)


def _range(given: tuple[int, int], single: int) -> tuple[int, int] | None:
    if given != (0, 0):
        return given
    return (single, single) if single else None


def _switched_off(rules: Iterable[PortForward]) -> frozenset[str]:
    """Protocols ignored over all ports by the leading run of such rules."""
    found: set[str] = set()
    for rule in rules:
        if not rule.ignore or rule.guest_port_range != _EVERY_PORT:
            break
        found |= {"tcp", "udp"} if rule.proto == "any" else {rule.proto}
    return frozenset(found)


def match(found: Table, protocol: str, ip: str, port: int) -> Target | None:
    """Where (protocol, ip, port) of the guest goes, or None; raises ValueError when `ip` is no address."""
    return decide(found, protocol, ip, port).target


def decide(found: Table, protocol: str, ip: str, port: int) -> Decision:
    """`match`, with the rule that decided."""
    address = ip_address(ip)
    for rule, name in zip(found.rules, found.names, strict=True):
        if not _applies(rule, protocol, address, port):
            continue
        if not rule.ignore:
            return Decision(_target(rule, port), name)
        if not (address.is_unspecified and not ip_address(rule.guest_ip).is_unspecified):
            return Decision(None, name)
    return Decision()


def _applies(rule: PortForward, protocol: str, ip: IPv4Address | IPv6Address, port: int) -> bool:
    if rule.guest_socket or rule.proto not in ("any", protocol):
        return False
    if not rule.guest_port_range[0] <= port <= rule.guest_port_range[1]:
        return False
    wanted = ip_address(rule.guest_ip)
    return (
        ip.is_unspecified
        or ip == wanted
        or (str(ip) == "::1" and str(wanted) == "127.0.0.1")
        or (wanted.is_unspecified and not rule.guest_ip_must_be_zero)
    )


def _target(rule: PortForward, port: int) -> Target:
    if rule.host_socket:
        return Target(rule.host_socket)
    return Target(rule.host_ip, port + rule.host_port_range[0] - rule.guest_port_range[0])


def is_static(found: Table, port: int) -> bool:
    """Whether a guest port belongs to a static rule, which exists whether the guest listens or not."""
    return any(rule.guest_port_range[0] <= port <= rule.guest_port_range[1] for rule in found.static)


class Fixed(Struct, frozen=True):
    """A forward that exists whatever the guest listens on: `guest` is an address, or a unix socket (`port` 0)."""

    guest: Target
    host: Target
    protocol: str = "tcp"
    """`tcp` (also for unix sockets), `udp`, or `reverse`: the guest's socket leads to the host's."""
    rule: str = "by hand"


def fixed(found: Table, *, sockets: bool) -> tuple[Fixed, ...]:
    """Static rules for a single port, and with `sockets` the rules for unix sockets of the guest."""
    named = tuple(zip(found.rules, found.names, strict=True))
    ports = [Fixed(Target(rule.guest_ip, rule.guest_port_range[0]), _target(rule, rule.guest_port_range[0]),
                   "udp" if rule.proto == "udp" else "tcp", f"{name} static")
             for rule, name in named if rule.static and _is_single(rule) and not rule.guest_socket]
    unix = [Fixed(Target(rule.guest_socket), _target(rule, rule.guest_port_range[0]),
                  "reverse" if rule.reverse else "tcp", name)
            for rule, name in named if rule.guest_socket and not rule.static]
    return (*ports, *(unix if sockets else ()))


def _is_single(rule: PortForward) -> bool:
    return rule.guest_port_range[0] == rule.guest_port_range[1] and not rule.ignore
