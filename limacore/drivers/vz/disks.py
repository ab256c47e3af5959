"""Disks for drivers that take raw images only."""

from __future__ import annotations

import asyncio

from limacore.base import diskformat
from limacore.drivers.base import Log
from limacore.errors import DriverError
from limacore.images import convert
from limacore.model.config import Config
from limacore.paths import DISK_IMAGE, HomePaths, InstancePaths


def require_raw(paths: InstancePaths, driver: str) -> None:
    """Raise DriverError when the main disk is of another format: the instance was made for another driver."""
    found = diskformat.read(paths.disk).format
    if found != "raw":
        raise DriverError(f"`{paths.disk}` is a {found} image, and {driver} takes raw ones only",
                          hint="in the instance's directory: qemu-img convert -O raw disk disk.new && "
                               "mv disk.new disk; or set `vmType: qemu`")


async def make_raw(home: HomePaths, config: Config, log: Log) -> None:
    """Additional disks of another format become raw where they are, as limactl does for these drivers."""
    for disk in config.additional_disks:
        path = home.data_disk(disk.name) / DISK_IMAGE
        image = await asyncio.to_thread(diskformat.read, path)
        if image.format != "raw":
            log("info", f"Converting disk `{disk.name}` from {image.format} to raw")
            await convert.to_raw(path, image, path)
