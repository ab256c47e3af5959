"""Which drivers this system has, and why another one is not among them."""

from __future__ import annotations

import shutil

from limacore.base import externals
from limacore.base.host import kernel
from limacore.drivers.base import Driver
from limacore.errors import DriverError

_OWN = {"linux": ("qemu",), "darwin": ("qemu", "vz"), "windows": ("qemu", "wsl2")}
_ELSEWHERE = {
    "vz": "it needs macOS 13 or newer",
    "wsl2": "it needs Windows",
    "krunkit": "it needs the program krunkit, and macOS 13 or newer on Apple silicon",
}
_HINT = "set `vmType: qemu` in lima.yaml"


def available(system: str) -> tuple[str, ...]:
    """The drivers of ours on a system: `linux`, `darwin` or `windows`."""
    optional = ("krunkit",) if system == "darwin" and shutil.which("krunkit") else ()
    return (*_OWN.get(system, ("qemu",)), *optional)


def names() -> tuple[str, ...]:
    """Ours here, then the external ones that are found."""
    own = available(kernel())
    return (*own, *(name for name in externals.discover() if name not in own))


def driver(vm_type: str, system: str = "") -> Driver:
    """The driver for a `vmType`; raises DriverError for one that cannot be used here."""
    name = vm_type if vm_type not in ("", "default") else "qemu"
    if name not in available(system or kernel()):
        raise _refusal(name)
    if name == "vz":
        from limacore.drivers.vz.machine import VzDriver

        return VzDriver()
    if name == "wsl2":
        from limacore.drivers.wsl2.machine import WslDriver

        return WslDriver()
    if name == "krunkit":
        from limacore.drivers.krunkit.machine import KrunkitDriver

        return KrunkitDriver()
    from limacore.drivers.qemu.machine import QemuDriver

    return QemuDriver()


async def forget(vm_type: str, name: str, system: str = "") -> None:
    """Remove what the driver of a deleted instance keeps outside of its directory; raises DriverError, HostError."""
    if vm_type == "wsl2" and vm_type in available(system or kernel()):
        from limacore.drivers.wsl2.machine import WslDriver

        await WslDriver().forget(name)


def _refusal(name: str) -> DriverError:
    external = externals.find(name)
    if external is not None:
        return DriverError(f"vmType `{name}` is not available", hint=_HINT, detail=f"found external driver `{name}` at "
                           f"`{external}`; external drivers speak gRPC, which limatui does not: use limactl for it")
    if name in _ELSEWHERE:
        return DriverError(f"vmType `{name}` is not available on this system", detail=_ELSEWHERE[name], hint=_HINT)
    return DriverError(f"vmType `{name}` is not known", hint=_HINT, detail=f"there is no `lima-driver-{name}` either")
