"""Mounts that the guest makes itself, 9p and virtiofs: as rows for cloud-init and as lines for a boot script."""

from __future__ import annotations

from collections.abc import Iterator

from limacore.base.units import parse_size
from limacore.model.config import Config, Mount
from limacore.model.mount import tag

_KINDS = ("9p", "virtiofs")
_ROSETTA = '- [vz-rosetta, /mnt/lima-rosetta, virtiofs, defaults, "0", "0"]\n'


def section(config: Config) -> str:
    """`mounts:` of the cloud-config. A mount point with a blank is left out: cloud-init would write it into fstab as
    it is, which ends the next boot in an emergency shell; our own boot script makes that mount."""
    rows = _ROSETTA if config.rosetta.enabled else ""
    for mount in _mounts(config):
        if len(mount.mount_point.split()) == 1:
            kind = f'{config.mount_type}, "{options(config, mount)}"'
            rows += f'- [{tag(mount)}, {mount.mount_point}, {kind}, "0", "0"]\n'
    return f"mounts:\n{rows}" if rows else ""


def lines(config: Config) -> str:
    """Every such mount for the boot script, one a line: tag, type and options, then the mount point to the end."""
    return "".join(f"{tag(mount)} {config.mount_type} {options(config, mount, nofail=False)} {mount.mount_point}\n"
                   for mount in _mounts(config) if "\n" not in mount.mount_point)


def options(config: Config, mount: Mount, *, nofail: bool = True) -> str:
    """The mount options, with commas."""
    found = ["rw" if mount.writable else "ro", *(_ninep(mount) if config.mount_type == "9p" else ())]
    return ",".join((*found, "nofail") if nofail else found)


def _ninep(mount: Mount) -> tuple[str, ...]:
    asked = mount.ninep
    cache = asked.cache or ("mmap" if mount.writable else "fscache")
    return ("trans=virtio", f"version={asked.protocol_version}", f"msize={parse_size(asked.msize)}", f"cache={cache}")


def _mounts(config: Config) -> Iterator[Mount]:
    if config.mount_type in _KINDS and not config.plain:
        yield from config.mounts
