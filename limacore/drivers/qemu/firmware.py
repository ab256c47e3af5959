"""Which UEFI code a machine boots with: the instance's own, else the first that the system has."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from limacore.errors import DriverError
from limacore.model.config import Config
from limacore.paths import InstancePaths

_SUFFIX = {"x86_64": "x86_64", "aarch64": "aarch64", "armv7l": "arm", "riscv64": "riscv"}
_SYSTEM = {
    "x86_64": ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/OVMF/OVMF_CODE.fd",
               "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/edk2/ovmf/OVMF_CODE.fd",
               "/usr/share/qemu/ovmf-x86_64.bin", "/usr/share/qemu/ovmf-x86_64-4m.bin"),
    "aarch64": ("/usr/share/edk2/aarch64/QEMU_CODE.fd", "/usr/share/AAVMF/AAVMF_CODE.fd",
                "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"),
    "armv7l": ("/usr/share/edk2/arm/QEMU_CODE.fd", "/usr/share/AAVMF/AAVMF32_CODE.fd"),
    "riscv64": ("/usr/share/qemu-efi-riscv64/RISCV_VIRT_CODE.fd", "/usr/share/edk2/riscv/RISCV_VIRT_CODE.fd"),
}
_PACKAGE = {"x86_64": "ovmf", "aarch64": "qemu-efi-aarch64", "armv7l": "qemu-efi-arm", "riscv64": "qemu-efi-riscv64"}


def uses_uefi(config: Config) -> bool:
    """Whether the machine has UEFI: not on ppc64le and s390x, nor with `legacyBIOS` where that exists."""
    if config.arch not in _SUFFIX:
        return False
    return not (config.firmware.legacy_bios and config.arch in ("x86_64", "armv7l"))


def package(arch: str) -> str:
    """Debian's package of the UEFI code for `arch`."""
    return _PACKAGE[arch]


def candidates(arch: str, binary: Path, home: Path) -> tuple[Path, ...]:
    """Where UEFI code may lie, best first."""
    name = f"edk2-{_SUFFIX[arch]}-code.fd"
    near = binary.parent
    return (
        home / ".local/share/qemu" / name,
        near.parent / "share/qemu" / name,
        near / "share" / name,
        *(Path(each) for each in _SYSTEM[arch]),
    )


def choose(paths: InstancePaths, config: Config, binary: Path, home: Path) -> str:
    """The UEFI code to boot with, "" for none; raises DriverError when there should be one and is not."""
    if not uses_uefi(config):
        return ""
    code = first_file((paths.efi_code, *candidates(config.arch, binary, home)))
    if code:
        return str(code)
    bios = ", or set `firmware.legacyBIOS: true` in lima.yaml" if config.arch == "x86_64" else ""
    raise DriverError(f"could not find firmware for `{config.arch}`",
                      hint=f"install the UEFI firmware (Debian: apt-get install {_PACKAGE[config.arch]}){bios}")


def first_file(paths: Iterable[Path]) -> Path | None:
    """The first of `paths` that is a file."""
    return next((path for path in paths if path.is_file()), None)
