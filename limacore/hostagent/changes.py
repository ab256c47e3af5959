"""`mountInotify`: changes of files on the host wake those in the guest who watch them through a mount."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from limacore.hostagent.guestlink import GuestLink
from limacore.model.config import Config, Mount
from limacore.mounts import inotify

Log = Callable[[str, str], None]


async def forward(config: Config, link: GuestLink, log: Log) -> None:
    """Tell the guest of changes in its writable mounts until cancelled; returns when there is nothing to watch."""
    mounts = [mount for mount in config.mounts if mount.writable]
    if not config.mount_inotify or config.plain or not mounts:
        return
    if not inotify.available():
        log("warning", "`mountInotify` is not possible on this system: limatui watches files on Linux hosts only")
        return
    try:
        await asyncio.gather(*(_follow(mount, link) for mount in mounts))
    except OSError as error:
        log("warning", f"changes of files are no longer passed on (`mountInotify`): {error.strerror or error}")


async def _follow(mount: Mount, link: GuestLink) -> None:
    watch, news, readable = inotify.Watch(), inotify.News(), asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        await asyncio.to_thread(watch.add, os.fsencode(mount.location))
        loop.add_reader(watch.fd, readable.set)
        while True:
            await readable.wait()
            readable.clear()
            for path in dict.fromkeys(watch.changes()):
                if (modified := news.modified(path)) is not None:
                    link.touch(inotify.guest_path(path, mount.location, mount.mount_point), modified)
    finally:
        loop.remove_reader(watch.fd)
        watch.close()
