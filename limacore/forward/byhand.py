"""A forward as a person writes it: `8080`, `127.0.0.1:80`, `[::1]:80` or the path of a unix socket on either side."""

from __future__ import annotations

from ipaddress import ip_address

from limacore.errors import UsageError
from limacore.forward.rules import Fixed, Target

_HINT = "write a port, ADDRESS:PORT, [IPV6]:PORT or the absolute path of a unix socket"
_LONGEST_SOCKET = 103
"""Characters of a path that every system takes for a unix socket."""


def parse(protocol: str, guest: str, host: str = "") -> Fixed:
    """The forward of `guest` to `host` (empty: the same port of 127.0.0.1); `protocol` is tcp, udp or reverse.

    Raises UsageError."""
    if protocol not in ("tcp", "udp", "reverse"):
        raise UsageError(f"unknown protocol {protocol!r}", hint="use tcp, udp or reverse")
    inside = end(guest)
    outside = end(host) if host else Target("127.0.0.1", inside.port)
    if not host and not inside.port:
        raise UsageError("a unix socket of the guest needs a place on this computer", hint=_HINT)
    if protocol == "udp" and not (inside.port and outside.port):
        raise UsageError("UDP is forwarded between ports only", hint=_HINT)
    if protocol == "reverse" and (inside.port or outside.port):
        raise UsageError("a reverse forward leads from a socket of the guest to a socket of this computer", hint=_HINT)
    return Fixed(inside, outside, protocol)


def end(text: str) -> Target:
    """One side; raises UsageError."""
    if text.startswith("/"):
        if len(text) > _LONGEST_SOCKET or "\0" in text:
            raise UsageError(f"{text[:_LONGEST_SOCKET]!r} is too long for a unix socket")
        return Target(text)
    address, _, port = text.rpartition(":")
    try:
        number, ip = int(port), ip_address(address.strip("[]") or "127.0.0.1")
    except ValueError:
        raise UsageError(f"{text!r} is no end of a forward", hint=_HINT) from None
    if not (port.isdecimal() and 1 <= number <= 65535):
        raise UsageError(f"{text!r} has no port from 1 to 65535", hint=_HINT)
    return Target(str(ip), number)
