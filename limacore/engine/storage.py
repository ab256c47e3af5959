"""Disks, snapshots and the download cache: verbs as jobs, and what there is; imported when asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from shlex import quote

from limacore.base import notice
from limacore.base.units import format_size
from limacore.engine.desk import Desk
from limacore.jobs import Update
from limacore.model.cache import CacheEntry
from limacore.model.job import Progress
from limacore.model.snapshot import Snapshot
from limacore.paths import HomePaths

_OnTag = Callable[[HomePaths, str, str], Awaitable[None]]


class Storage(Desk):
    """What instances keep their bytes on."""

    def create_disk(self, name: str, size: str, *, format: str = "qcow2") -> int:
        """Create an additional disk."""
        from limacore.store import disks

        extra = "" if format == "qcow2" else f" --format {format}"
        return self._disk("create", name, f"{name} --size {size}{extra}",
                          lambda: disks.create(self._home, name, size, format))

    def delete_disk(self, name: str) -> int:
        """Delete an additional disk."""
        from limacore.store import disks

        return self._disk("delete", name, name, lambda: disks.delete(self._home, name))

    def resize_disk(self, name: str, size: str) -> int:
        """Make an additional disk larger."""
        from limacore.store import disks

        return self._disk("resize", name, f"{name} --size {size}", lambda: disks.resize(self._home, name, size))

    def import_disk(self, name: str, file: str) -> int:
        """Make an additional disk out of a qcow2 or raw file."""
        from limacore.store import disks

        path = Path(file).expanduser()
        return self._disk("import", name, f"{name} {quote(str(path))}",
                          lambda: disks.import_(self._home, name, path))

    def unlock_disk(self, name: str) -> int:
        """Remove the lock that a dead instance left on an additional disk."""
        from limacore.store import disks

        return self._disk("unlock", name, name, lambda: disks.release(self._home, name))

    def _disk(self, verb: str, name: str, words: str, act: Callable[[], object]) -> int:
        return self._submit(f"disk {verb}", name, f"limatui disk {verb} {words}", lambda _: asyncio.to_thread(act))

    async def snapshots(self, name: str) -> tuple[Snapshot, ...]:
        """The snapshots of an instance, running or not, in the order of QEMU's table."""
        from limacore.lifecycle import snapshots

        return await snapshots.listing(self._home, name)

    def create_snapshot(self, name: str, tag: str) -> int:
        """Keep the state of the disk, of the memory too while it runs."""
        from limacore.lifecycle import snapshots

        return self._snapshot("create", name, tag, snapshots.create)

    def apply_snapshot(self, name: str, tag: str) -> int:
        """Go back to a snapshot."""
        from limacore.lifecycle import snapshots

        return self._snapshot("apply", name, tag, snapshots.apply)

    def delete_snapshot(self, name: str, tag: str) -> int:
        """Forget a snapshot."""
        from limacore.lifecycle import snapshots

        return self._snapshot("delete", name, tag, snapshots.delete)

    async def cache(self) -> tuple[CacheEntry, ...]:
        """What the download cache holds, and who refers to it."""
        from limacore.lifecycle import downloads

        return await asyncio.to_thread(downloads.entries, self._home)

    def prune(self, *, keep_referred: bool = True) -> int:
        """Empty the download cache, or remove what nothing refers to."""
        async def work(update: Update) -> None:
            from limacore.lifecycle import downloads

            update(Progress("prune"))
            freed = await asyncio.to_thread(downloads.prune, self._home, keep_referred=keep_referred)
            notice.info(f"Freed {format_size(freed)}")

        return self._submit("prune", "", f"limatui prune{' --keep-referred' if keep_referred else ''}", work)

    def _snapshot(self, verb: str, name: str, tag: str, act: _OnTag) -> int:
        command = f"limatui snapshot {verb} {name} --tag {quote(tag)}"

        async def work(update: Update) -> None:
            update(Progress("snapshot", tag))
            await act(self._home, name, tag)

        return self._submit(f"snapshot {verb}", name, command, work)
