"""Sockets of Hyper-V: the vsock ports of a distribution as Windows sees them.

Not run on Windows: the calls are tested with recorded answers.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable

from limacore.drivers.wsl2.words import distro

_SERVICES = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Virtualization\GuestCommunicationServices"
_DISTROS = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Lxss"
_GUID = re.compile(r"\{([0-9a-fA-F-]{36})\}")


def service(port: int) -> str:
    """The service that stands for a vsock port of a Linux guest."""
    return f"{port:08x}-facb-11e6-bd58-64006a7986d3"


def registration(program: str, port: int, name: str) -> list[str]:
    """Let guests offer that port; it asks for the rights of an administrator."""
    return [program, "add", rf"{_SERVICES}\{service(port)}", "/v", "ElementName", "/t", "REG_SZ",
            "/d", f"Lima guest agent of {name}", "/f"]


def distros(program: str) -> list[str]:
    """Ask the registry for the ids of all distributions."""
    return [program, "query", _DISTROS, "/s", "/v", "DistributionName"]


def distro_id(answer: str, name: str) -> str:
    """The id of an instance's distribution in the registry's answer; empty when it is not there."""
    current = ""
    for line in answer.splitlines():
        if line.startswith("HKEY_"):
            found = _GUID.search(line)
            current = found.group(1) if found else ""
        elif line.split()[:1] == ["DistributionName"] and line.split()[-1] == distro(name):
            return current
    return ""


def vm_id(command_lines: Iterable[str], of_distro: str) -> str:
    """The id of the machine that runs a distribution, from the command lines of `wslhost.exe`; empty when none does."""
    for line in command_lines:
        ids = dict(re.findall(r"--(distro-id|vm-id) \{([0-9a-fA-F-]{36})\}", line))
        if ids.get("distro-id", "").lower() == of_distro.lower() and "vm-id" in ids:
            return str(ids["vm-id"])
    return ""


def possible() -> bool:
    """Whether this Python speaks to Hyper-V: 3.12 and newer on Windows."""
    return hasattr(socket, "AF_HYPERV")


def connect(machine: str, port: int) -> socket.socket:
    """A connection to a vsock port of a machine; blocks, raises OSError."""
    family: int = getattr(socket, "AF_HYPERV", -1)
    protocol: int = getattr(socket, "HV_PROTOCOL_RAW", 1)
    sock = socket.socket(family, socket.SOCK_STREAM, protocol)
    try:
        sock.connect((machine, service(port)))
    except BaseException:
        sock.close()
        raise
    return sock


def command_lines() -> list[str]:
    """The command lines of every `wslhost.exe` that runs."""
    import psutil

    found = psutil.process_iter(["name", "cmdline"])
    return [" ".join(each.info["cmdline"] or ()) for each in found if each.info["name"] == "wslhost.exe"]
