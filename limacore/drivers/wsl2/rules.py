"""What WSL cannot run, before anything is made."""

from __future__ import annotations

import re
from collections.abc import Iterator

from limacore.errors import DriverError
from limacore.model.config import Config

_TARBALL = re.compile(r"\.(tar|tgz|txz|tbz2|tzst|tar\.(gz|xz|bz2|zstd|zst))$", re.IGNORECASE)


def require(config: Config, arch: str) -> None:
    """Raise DriverError with every reason for which the machine cannot run on a computer of that architecture."""
    if reasons := tuple(refusals(config, arch)):
        raise DriverError("vmType `wsl2` cannot run this instance", detail="; ".join(reasons), hint="change lima.yaml")


def refusals(config: Config, arch: str) -> Iterator[str]:
    """One sentence for each thing that is not possible."""
    if config.mount_type != "wsl2":
        yield f"`mountType: {config.mount_type}` is not `wsl2`"
    if config.os != "Linux":
        yield f"`os: {config.os}` is no Linux"
    if config.arch != arch:
        yield f"`arch: {config.arch}` is not that of this computer ({arch})"
    if config.tpm:
        yield "`tpm` is for QEMU only"
    for number, image in enumerate(config.images):
        if image.arch == config.arch and not _TARBALL.search(image.location):
            yield f"`images[{number}].location` is no archive of a root file system: `{image.location}`"


def warnings(config: Config) -> Iterator[str]:
    """What is passed over."""
    if config.video.display != "none":
        yield f"vmType wsl2: ignoring `video.display: {config.video.display}`"
    if config.audio.device not in ("", "none"):
        yield f"vmType wsl2: ignoring `audio.device: {config.audio.device}`"
    if config.additional_disks:
        yield "vmType wsl2: ignoring `additionalDisks`"
    if config.networks:
        yield "vmType wsl2: ignoring `networks`"
