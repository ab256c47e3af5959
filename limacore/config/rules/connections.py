"""Rules about what connects guest and host: mounts, port forwards, networks, names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from limacore.config.fields import CHOICES
from limacore.config.rules.finding import doubtful, wrong
from limacore.config.rules.machine import port, size, unexpandable
from limacore.model.config import Problem
from limacore.paths import UNIX_PATH_MAX

_SYSTEM_PATHS = ("/", "/bin", "/dev", "/etc", "/home", "/opt", "/sbin", "/tmp", "/usr", "/var")
_MANY_PORTS = 10


def mounts(filled: dict[str, Any]) -> Iterator[Problem]:
    """Places on the host and in the guest."""
    for number, mount in enumerate(filled["mounts"]):
        path = f"mounts[{number}]"
        yield from _location(f"{path}.location", mount["location"])
        point = mount["mountPoint"]
        if point in _SYSTEM_PATHS:
            yield wrong(f"{path}.mountPoint", "{} must not be a system path such as /etc or /usr")
        if point == filled["user"]["home"]:
            yield wrong(f"{path}.mountPoint", f"{{}} is the reserved internal home directory `{point}`")
        if point.startswith("~"):
            yield wrong(f"{path}.mountPoint", "{} must not start with `~`")
        yield from size(f"{path}.9p.msize", mount["9p"]["msize"], "msize")


def _location(path: str, location: str) -> Iterator[Problem]:
    if not Path(location).is_absolute() and not location.startswith("~"):
        yield wrong(path, f"{{}} must be an absolute path, got `{location}`")
        return
    if unexpandable(location):
        yield wrong(path, f"{{}} refers to an unexpandable path: `{location}`: unexpandable path `{location}`")
        return
    try:
        mode = Path(location).stat().st_mode
    except FileNotFoundError:
        message = f"{{}} refers to a non-existent directory: `{location}`"
        yield doubtful(path, message, "it is made when the VM starts", at_start=True, words=f"{message}:")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", "") or str(error)
        yield wrong(path, f"{{}} refers to an inaccessible path: `{location}`: stat {location}: {reason.lower()}")
    else:
        if not stat.S_ISDIR(mode):
            yield wrong(path, f"{{}} refers to a non-directory path: `{location}`")


def mount_type(filled: dict[str, Any]) -> Iterator[Problem]:
    """The way directories are shared."""
    kind = filled.get("mountType")
    if kind is None:
        return
    if kind not in CHOICES["mountType"]:
        yield wrong("mountType", f"{{}} must be `reverse-sshfs` or `9p` or `virtiofs`, or `wsl2`, got `{kind}`")
    if kind in filled["mountTypesUnsupported"]:
        unsupported = f"[{' '.join(filled['mountTypesUnsupported'])}]"
        yield wrong("mountType", f"{{}} must not be one of {unsupported} (`mountTypesUnsupported`), got `{kind}`")


def port_forwards(filled: dict[str, Any]) -> Iterator[Problem]:
    """Every rule of the table."""
    for number, rule in enumerate(filled["portForwards"]):
        yield from _rule(f"portForwards[{number}]", rule)


def plain(filled: dict[str, Any]) -> Iterator[Problem]:
    """A plain machine forwards every port of a rule, whether anything listens or not."""
    for number, rule in enumerate(filled["portForwards"]):
        guest, host = _span(rule, "guest"), _span(rule, "host")
        if filled["plain"] and max(guest, host) > _MANY_PORTS:
            path = f"portForwards[{number}]"
            yield doubtful(path, f"[plain mode] {path} covers a range of more than 10 ports (guest: {guest}, host: "
                                 f"{host}). All ports will be forwarded unconditionally, which may be inefficient.")


def _span(rule: dict[str, Any], side: str) -> int:
    first, last = rule[f"{side}PortRange"]
    return int(last) - int(first) + 1


def _rule(path: str, rule: dict[str, Any]) -> Iterator[Problem]:
    if rule["guestIPMustBeZero"] and rule["guestIP"] != "0.0.0.0":
        yield wrong(f"{path}.guestIPMustBeZero", "{} can only be true when `guestIP` is 0.0.0.0")
    for side in ("guest", "host"):
        yield from _side(path, rule, side)
    yield from _ranges(path, rule)
    yield from _sockets(path, rule)
    if rule["proto"] not in CHOICES["portForwards[].proto"]:
        yield wrong(f"{path}.proto", "{} must be `tcp`, `udp`, or `any`")
    for key in ("guestSocket", "hostSocket"):
        if rule.get("reverse") and not rule[key]:
            yield wrong(f"{path}.reverse", "{} must be false", f"it needs {key}")


def _side(path: str, rule: dict[str, Any], side: str) -> Iterator[Problem]:
    number, socket, ports = rule.get(f"{side}Port") or 0, rule[f"{side}Socket"], rule[f"{side}PortRange"]
    if not number:
        return
    field = f"{path}.{side}Port"
    if socket:
        yield wrong(field, f"{{}} must be 0 when field `{path}.{side}Socket` is set")
    if number != ports[0]:
        yield wrong(field, f"{{}} must match field `{path}.{side}PortRange[0]`")
    yield from port(field, number)


def _ranges(path: str, rule: dict[str, Any]) -> Iterator[Problem]:
    guest, host = rule["guestPortRange"], rule["hostPortRange"]
    for end in (0, 1):
        yield from port(f"{path}.guestPortRange[{end}]", guest[end])
        if not rule["hostSocket"]:
            yield from port(f"{path}.hostPortRange[{end}]", host[end])
    for side, ports in (("guest", guest), ("host", host)):
        if ports[0] > ports[1]:
            yield wrong(f"{path}.{side}PortRange[1]", f"{{}} must be greater than or equal to field "
                                                      f"`{path}.{side}PortRange[0]`")


def _sockets(path: str, rule: dict[str, Any]) -> Iterator[Problem]:
    guest, host = rule["guestPortRange"], rule["hostPortRange"]
    socket = rule["guestSocket"]
    if socket:
        if not Path(socket).is_absolute():
            yield wrong(f"{path}.guestSocket", f"{{}} must be an absolute path, but is `{socket}`")
        if not rule["hostSocket"] and host[1] - host[0] > 0:
            yield wrong(f"{path}.guestSocket", "{} can only be mapped to a single port or socket. not a range")
    if rule["hostSocket"]:
        yield from _host_socket(path, rule)
    elif not (socket and host[1] - host[0] == guest[1] - guest[0] == 0) and host[1] - host[0] != guest[1] - guest[0]:
        yield wrong(f"{path}.hostPortRange", f"{{}} must specify the same number of ports as field "
                                             f"`{path}.guestPortRange`")


def _host_socket(path: str, rule: dict[str, Any]) -> Iterator[Problem]:
    socket, field, guest = rule["hostSocket"], f"{path}.hostSocket", rule["guestPortRange"]
    if not Path(socket).is_absolute():
        yield wrong(field, f"{{}} must be an absolute path, but is `{socket}`")
    if not rule["guestSocket"] and guest[1] - guest[0] > 0:
        yield wrong(field, "{} can only be mapped from a single port or socket. not a range")
    length = len(os.fsencode(socket))
    if length >= UNIX_PATH_MAX:
        yield wrong(field, f"{{}} must be less than UNIX_PATH_MAX={UNIX_PATH_MAX} characters, but is {length}")


def names(filled: dict[str, Any]) -> Iterator[Problem]:
    """Name servers and the host's resolver exclude each other."""
    if filled["dns"] and filled["hostResolver"]["enabled"]:
        yield wrong("dns", "{} must be empty when field `HostResolver.Enabled` is true",
                    "set `hostResolver: {enabled: false}`, or remove `dns`")
