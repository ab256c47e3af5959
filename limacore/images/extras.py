"""What a guest gets besides its disk: UEFI code for one driver, the archive with containerd."""

from __future__ import annotations

from pathlib import Path

from limacore.base import notice
from limacore.errors import HostError, ImageError
from limacore.images.candidates import all_failed, fitting_arch
from limacore.images.meter import Report
from limacore.images.obtain import cached, obtain, silently
from limacore.model.config import Config, File
from limacore.paths import InstancePaths

_NERDCTL, _UEFI = "the nerdctl archive", "the UEFI code"
_LEGACY_ARCHS = ("x86_64", "armv7l")


async def nerdctl(config: Config, report: Report, *, existing: bool) -> Path | None:
    """The archive for the guest's architecture, from the cache where an existing instance has it; None without one.

    A guest without containerd is better than no guest: when it cannot be had, that is told and asked again next time.
    """
    archives = nerdctl_archives(config)
    for archive in archives if existing else ():
        if found := await silently(archive):
            return found
    errors: list[ImageError] = []
    for archive in archives:
        try:
            return await cached(archive, _NERDCTL, report)
        except (ImageError, HostError) as error:
            errors.append(ImageError(error.message, detail=error.detail, hint=error.hint))
    if errors:
        failed = all_failed(errors)
        notice.warning("The guest will be without containerd: its archive could not be had",
                       error=": ".join(part for part in (failed.message, failed.detail) if part))
    return None


def nerdctl_archives(config: Config) -> tuple[File, ...]:
    """The archives to try; none when the guest gets no containerd."""
    wanted = config.containerd.system or config.containerd.user
    return fitting_arch(config, config.containerd.archives) if wanted and not config.plain else ()


async def firmware(paths: InstancePaths, config: Config, report: Report) -> None:
    """Put the UEFI code that lima.yaml names into the instance, once; failures are told, the host's is used then."""
    if paths.efi_code.exists() or (config.firmware.legacy_bios and config.arch in _LEGACY_ARCHS):
        return
    for file in fitting_arch(config, config.firmware.images):
        if file.vm_type not in ("", config.vm_type):
            continue
        try:
            await obtain(file, paths.efi_code, _UEFI, report)
        except (ImageError, HostError) as error:
            notice.warning(error.message, error=error.detail)
        else:
            return
