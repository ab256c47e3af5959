"""Lists that are merged by a key: mounts by mount point, networks by interface. Later entries win."""

from __future__ import annotations

from typing import Any

_MOUNT_PARTS = {
    "sshfs": ("cache", "followSymlinks", "sftpDriver"),
    "9p": ("securityModel", "protocolVersion", "msize", "cache"),
    "virtiofs": ("queueSize",),
}


def merge_mounts(mounts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry per mount point; the first keeps its location, later ones overwrite what they set."""
    merged: dict[str, dict[str, Any]] = {}
    for mount in mounts:
        earlier = merged.setdefault(mount["mountPoint"], mount)
        if earlier is not mount:
            _overlay_mount(earlier, mount)
    return list(merged.values())


def _overlay_mount(earlier: dict[str, Any], later: dict[str, Any]) -> None:
    for part, keys in _MOUNT_PARTS.items():
        given = later.get(part) or {}
        wanted = {key: given[key] for key in keys if given.get(key) is not None}
        earlier[part] = {**(earlier.get(part) or {}), **wanted}
    if later.get("writable") is not None:
        earlier["writable"] = later["writable"]


def mount_defaults(mount: dict[str, Any]) -> dict[str, Any]:
    """A mount with the options of every mount type."""
    writable = bool(mount.get("writable"))
    return {
        **mount, "writable": writable,
        "sshfs": {"cache": True, "followSymlinks": False, "sftpDriver": "", **(mount.get("sshfs") or {})},
        "9p": {
            "securityModel": "none", "protocolVersion": "9p2000.L", "msize": "128KiB",
            "cache": "mmap" if writable else "fscache", **(mount.get("9p") or {}),
        },
    }


def merge_networks(networks: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """One entry per named interface, and messages about entries that contradict themselves."""
    merged: list[dict[str, Any]] = []
    messages: list[str] = []
    for network in networks:
        name = network.get("interface")
        earlier = next((each for each in merged if name and each.get("interface") == name), None)
        if earlier is None:
            merged.append(network)
        else:
            messages += _overlay_network(earlier, network)
    return merged, messages


def _overlay_network(earlier: dict[str, Any], later: dict[str, Any]) -> list[str]:
    messages = []
    if later.get("socket") and later.get("lima"):
        messages.append(f"Network `{later['interface']}` has both socket=`{later['socket']}` and "
                        f"lima=`{later['lima']}` fields; ignoring socket")
    for key, other in (("socket", "lima"), ("lima", "socket")):
        if later.get(key):
            earlier[key] = later[key]
            earlier.pop(other, None)
    for key in ("macAddress", "metric"):
        if later.get(key) is not None:
            earlier[key] = later[key]
    return messages
