"""What each driver adds to a filled configuration, when an instance is created or started: defaults of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from limacore.config.setting import Setting


def fill_qemu(filled: dict[str, Any], setting: Setting) -> dict[str, Any]:
    """What the QEMU driver adds."""
    result = dict(filled)
    if not result.get("mountType"):
        old = setting.exists and setting.created_before("1.0.0")
        no_9p = "9p" in result.get("mountTypesUnsupported", ()) or old
        result["mountType"] = "reverse-sshfs" if no_9p else "9p"
    video = result["video"]
    result["video"] = {**video, "vnc": {"display": "127.0.0.1:0,to=9", **video.get("vnc", {})}}
    qemu = result.get("vmOpts", {}).get("qemu") or {}
    cpu_types = {**result.get("cpuType", {}), **(qemu.get("cpuType") or {})}
    if cpu_types:
        result["vmOpts"] = {**result.get("vmOpts", {}), "qemu": {**qemu, "cpuType": cpu_types}}
    return result


def fill_vz(filled: dict[str, Any], setting: Setting) -> dict[str, Any]:
    """What the driver of Apple's framework adds; `rosetta` is then what is really asked for, wherever that stands."""
    vm_opts = filled.get("vmOpts", {})
    options = vm_opts.get("vz") or {}
    asked = options.get("rosetta") or {}
    if not any(asked.get(key) is not None for key in ("enabled", "binfmt")):
        asked = filled.get("rosetta") or {}
    rosetta = {key: bool(asked.get(key)) and not filled["plain"] for key in ("enabled", "binfmt")}
    image_format = options.get("diskImageFormat") or "raw"
    over_vsock = filled["ssh"].get("overVsock")
    return {
        **filled, "mountType": filled.get("mountType") or "virtiofs", "rosetta": rosetta,
        "ssh": {**filled["ssh"], "overVsock": filled["os"] == "Linux" if over_vsock is None else over_vsock},
        "vmOpts": {**vm_opts, "vz": {**options, "rosetta": rosetta, "diskImageFormat": image_format}},
    }


def fill_wsl2(filled: dict[str, Any], setting: Setting) -> dict[str, Any]:
    """What the driver of WSL adds: directories of Windows are there without mounting."""
    return {**filled, "mountType": filled.get("mountType") or "wsl2"}


def fill_krunkit(filled: dict[str, Any], setting: Setting) -> dict[str, Any]:
    """What the driver of krunkit adds."""
    over_vsock = bool(filled["ssh"].get("overVsock"))
    return {**filled, "mountType": filled.get("mountType") or "virtiofs",
            "ssh": {**filled["ssh"], "overVsock": over_vsock}}


FILLS: dict[str, Callable[[dict[str, Any], Setting], dict[str, Any]]] = {
    "qemu": fill_qemu, "vz": fill_vz, "krunkit": fill_krunkit, "wsl2": fill_wsl2,
}
"""What each driver adds."""
