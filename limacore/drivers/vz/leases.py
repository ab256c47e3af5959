"""Addresses that macOS gave to guests on its own network, as its DHCP server writes them down."""

from __future__ import annotations

from pathlib import Path

FILE = Path("/var/db/dhcpd_leases")


def address(text: str, mac: str, name: str) -> str:
    """The newest address of a hardware address, else of a host name; empty when there is none.

    Guests that identify themselves by another token than the hardware address are known by their name only."""
    entries = [_entry(part) for part in text.split("}")]
    by_mac = [each for each in entries if _plain(each.get("hw_address", "").partition(",")[2]) == _plain(mac)]
    found = by_mac or [each for each in entries if each.get("name") == name]
    newest = max(found, key=lambda each: _number(each.get("lease", "")), default={})
    return newest.get("ip_address", "")


def _entry(text: str) -> dict[str, str]:
    pairs = (line.strip().partition("=") for line in text.splitlines() if "=" in line)
    return {key: value for key, _, value in pairs}


def _plain(mac: str) -> str:
    """Without leading zeros, which the file leaves out."""
    return ":".join(part.lstrip("0") or "0" for part in mac.lower().split(":"))


def _number(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return 0
