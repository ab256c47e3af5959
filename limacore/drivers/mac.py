"""What no hypervisor of macOS runs for us, before anything is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from limacore.errors import DriverError
from limacore.model.config import Config


class Mac(Struct, frozen=True):
    """This computer as far as the rules ask: version of macOS, architecture in Lima's spelling."""

    macos: tuple[int, ...]
    arch: str


def require(config: Config, refusals: Iterable[str]) -> None:
    """Raise DriverError with every reason for which the machine cannot run."""
    if reasons := tuple(refusals):
        raise DriverError(f"vmType `{config.vm_type}` cannot run this instance", detail="; ".join(reasons),
                          hint="change lima.yaml, or set `vmType: qemu`")


def refusals(config: Config, mac: Mac) -> Iterator[str]:
    """One sentence for each thing that is not possible."""
    if mac.macos < (13,):
        yield "it needs macOS 13 or newer"
    if config.arch != mac.arch:
        yield f"`arch: {config.arch}` is not that of this computer ({mac.arch})"
    if config.os != "Linux":
        yield f"`os: {config.os}` is not started by limatui with {config.vm_type}"
    if config.mount_type not in ("virtiofs", "reverse-sshfs"):
        yield f"`mountType: {config.mount_type}` is not one of `virtiofs`, `reverse-sshfs`"
    if config.tpm:
        yield "`tpm` is for QEMU only"
    if config.nested_virtualization and mac.macos < (15,):
        yield "`nestedVirtualization` needs macOS 15 or newer"
