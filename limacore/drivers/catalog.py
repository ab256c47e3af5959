"""Which drivers this system has."""

from __future__ import annotations

from limacore.drivers.base import Driver
from limacore.errors import DriverError

_ELSEWHERE = {
    "vz": "macOS 13 or newer",
    "wsl2": "Windows",
    "krunkit": "macOS 14 or newer on Apple silicon",
}


def driver(vm_type: str) -> Driver:
    """The driver for a `vmType`; raises DriverError for one that cannot be used here."""
    if vm_type in ("", "default", "qemu"):
        from limacore.drivers.qemu.machine import QemuDriver

        return QemuDriver()
    if vm_type in _ELSEWHERE:
        raise DriverError(
            f"vmType `{vm_type}` is not available on this system",
            detail=f"limactl runs it on {_ELSEWHERE[vm_type]}; limatui does not run it yet",
            hint="set `vmType: qemu` in lima.yaml",
        )
    raise DriverError(f"vmType `{vm_type}` is not known", hint="set `vmType: qemu` in lima.yaml")
