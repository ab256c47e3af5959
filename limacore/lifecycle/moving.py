"""An instance that comes from elsewhere: which of its paths follow it, and what of it does not fit this computer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from limacore.base.goquote import ticked
from limacore.base.host import Host
from limacore.config.edit import RoundTrip
from limacore.model.config import Config, File
from limacore.paths import HomePaths

Moves = Mapping[str, str]
"""Directories that have a new place, the longest first: old to new."""


def moves(directory: str, host_home: str, new_directory: str, new_home: str) -> Moves:
    """What changed place with an instance: its directory, the Lima home around it, its user's home."""
    lima, new_lima = str(Path(directory).parent), str(Path(new_directory).parent)
    pairs = {directory: new_directory, lima: new_lima, host_home: new_home}
    return {old: new for old, new in pairs.items() if old.startswith("/") and old != "/" and old != new}


def moved_text(text: str, table: Moves) -> str:
    """A lima.yaml whose values that are paths in moved directories point to the new ones; comments stay."""
    document = RoundTrip(text)
    return document.text() if _move(document.root, table) else text


def _move(node: Any, table: Moves) -> bool:
    changed = False
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        if isinstance(value, dict | list):
            changed |= _move(value, table)
        elif isinstance(value, str) and (new := moved(value, table)) != value:
            node[key] = type(value)(new)
            changed = True
    return changed


def moved(value: str, table: Moves) -> str:
    """A path at its new place; any other text as it is."""
    for old, new in table.items():
        if value == old or (value.startswith(old + "/") and "\n" not in value):
            return new + value[len(old):]
    return value


def misfits(config: Config, home: HomePaths, host: Host) -> Iterator[str]:
    """What an instance expects and this computer does not have, or what it may do here, one sentence each."""
    if config.arch != host.arch:
        yield f"it is made for {config.arch}: on this computer it is emulated, which is slow"
    if config.vm_type == "vz" and host.os != "darwin":
        yield "it runs by `vz`, which only macOS has: set `vmType: qemu`"
    for mount in config.mounts:
        if not Path(mount.location).is_dir():
            yield f"the mounted directory {ticked(mount.location)} is not here"
        elif mount.writable:
            yield f"its guest may write to {ticked(mount.location)} of this computer"
    for disk in config.additional_disks:
        if not (home.disks / disk.name).is_dir():
            yield f"the additional disk {ticked(disk.name)} is not here"
    for each in config.provision:
        if each.mode == "ansible" and each.playbook and not Path(each.playbook).exists():
            yield f"the playbook {ticked(each.playbook)} is not here"
    yield from (f"the image {ticked(path)} is not here; only a factory reset needs it" for path in _absent(config))


def _absent(config: Config) -> Iterator[str]:
    for image in config.images:
        files: tuple[File | None, ...] = (image, image.kernel, image.initrd)
        for each in files:
            if each and each.location.startswith("/") and not Path(each.location).exists():
                yield each.location
