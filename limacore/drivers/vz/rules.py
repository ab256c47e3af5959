"""What Virtualization cannot run, before anything is made."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from limacore.drivers import mac as mac_rules
from limacore.drivers.mac import Mac
from limacore.drivers.vz.plan import Description
from limacore.errors import DriverError
from limacore.model.config import Config

_MIB = 1 << 20


class Limits(Struct, frozen=True):
    """What the framework allows here; memory in bytes."""

    cpus: tuple[int, int]
    memory: tuple[int, int]


def require(config: Config, mac: Mac) -> None:
    """Raise DriverError with every reason for which the machine cannot run."""
    mac_rules.require(config, refusals(config, mac))


def refusals(config: Config, mac: Mac) -> Iterator[str]:
    """One sentence for each thing that is not possible."""
    yield from mac_rules.refusals(config, mac)
    if any(each.vm_type in ("", "vz") and each.arch == config.arch for each in config.firmware.images):
        yield "`firmware.images` cannot replace the framework's own firmware"
    yield from _image_format(config.vm_opts.vz.disk_image_format, mac)


def _image_format(name: str, mac: Mac) -> Iterator[str]:
    if name == "asif":
        yield "`vmOpts.vz.diskImageFormat: asif` is not made by limatui, use `raw`"
    elif name not in ("", "raw"):
        yield f"`vmOpts.vz.diskImageFormat: {name}` is neither `raw` nor `asif`"


def warnings(config: Config, mac: Mac) -> Iterator[str]:
    """What is passed over."""
    if config.firmware.legacy_bios:
        yield "vmType vz: ignoring `firmware.legacyBIOS`"
    if config.audio.device not in ("", "none", "default", "vz"):
        yield f"vmType vz: ignoring `audio.device: {config.audio.device}`"
    if config.video.display not in ("none", "default", "vz"):
        yield f"vmType vz: ignoring `video.display: {config.video.display}`"
    elif config.video.display != "none":
        yield "vmType vz: the guest gets a display, but limatui opens no window for it"
    if config.host_resolver.hosts and not any(each.lima for each in config.networks):
        yield "vmType vz: ignoring `hostResolver.hosts`: the guest asks the network of macOS for names"
    if mac.arch == "x86_64" and mac.macos < (15, 5):
        yield "vmType vz: on Intel, Linux guests may hang before macOS 15.5"


def require_within(wanted: Description, limits: Limits) -> None:
    """Raise DriverError for more, or less, than the framework gives."""
    least, most = limits.cpus
    if not least <= wanted.cpus <= most:
        raise DriverError(f"`cpus: {wanted.cpus}` is not possible", detail=f"vz gives {least} to {most} here",
                          hint="change `cpus` in lima.yaml")
    least, most = (size // _MIB for size in limits.memory)
    if not least <= wanted.memory // _MIB <= most:
        raise DriverError(f"`memory` of {wanted.memory // _MIB} MiB is not possible",
                          detail=f"vz gives {least} to {most} MiB here", hint="change `memory` in lima.yaml")
