"""Disks, snapshots and the download cache of the demo; refusals read as those of the real engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from shlex import quote

from msgspec.structs import replace

from limacore.base import diskformat, notice
from limacore.base.units import format_size, parse_size
from limacore.drivers.demo import stock, world
from limacore.drivers.demo.base import BOOT_TICK, DemoWorld
from limacore.errors import AlreadyExistsError, LockedError, NotFoundError, StateError, UsageError
from limacore.jobs import Update
from limacore.model.cache import CacheEntry
from limacore.model.disk import DataDisk
from limacore.model.job import Progress
from limacore.model.snapshot import Snapshot
from limacore.paths import check_identifier

_SAVE_RATE = 600e6
"""Bytes of machine state per second."""
_EMPTY = 196 << 10


class DemoStorage(DemoWorld):
    """What machines keep their bytes on."""

    def _disk_job(self, verb: str, name: str, words: str, act: Callable[[], None]) -> int:
        async def work(update: Update) -> None:
            act()
            self.poke()
        return self._jobs.submit(f"disk {verb}", name, f"limatui disk {verb} {words}", work)

    def _disk(self, name: str) -> DataDisk:
        found = next((each for each in self._disks if each.name == name), None)
        if found is None:
            raise NotFoundError(f"disk `{name}` does not exist", hint="see `limatui disk list`")
        return found

    def _put(self, disk: DataDisk) -> None:
        self._disks = tuple(disk if each.name == disk.name else each for each in self._disks)

    def _add(self, name: str, size: int, allocated: int, kind: str) -> None:
        check_identifier(name)
        if any(each.name == name for each in self._disks):
            raise AlreadyExistsError(f"disk `{name}` already exists", hint="choose another name")
        self._disks = (*self._disks, DataDisk(name, f"{self.home}/_disks/{name}", size, allocated, kind))

    def create_disk(self, name: str, size: str, *, format: str = "qcow2") -> int:
        """A new additional disk."""
        extra = "" if format == "qcow2" else f" --format {format}"

        def act() -> None:
            self._add(name, parse_size(size), _EMPTY, format)
            notice.info(f"Creating {format} disk `{name}` with size {format_size(parse_size(size))}")
        return self._disk_job("create", name, f"{name} --size {size}{extra}", act)

    def delete_disk(self, name: str) -> int:
        """Remove an additional disk that nobody uses."""
        def act() -> None:
            disk = self._disk(name)
            if disk.holder:
                raise LockedError(f"cannot delete disk `{name}` in use by instance `{disk.holder}`",
                                  hint="stop that instance first")
            self._disks = tuple(each for each in self._disks if each.name != name)
            notice.info(f"Deleted `{name}` (`{disk.dir}`)")
        return self._disk_job("delete", name, name, act)

    def resize_disk(self, name: str, size: str) -> int:
        """A larger additional disk."""
        def act() -> None:
            disk, wanted = self._disk(name), parse_size(size)
            if disk.holder_alive:
                raise LockedError(f"cannot resize disk `{name}` used by running instance `{disk.holder}`",
                                  hint=f"limatui stop {disk.holder}")
            if wanted < disk.size:
                raise UsageError(f"specified size `{size}` is less than the current disk size "
                                 f"`{format_size(disk.size)}`. Disk shrinking is currently unavailable")
            self._put(replace(disk, size=wanted))
        return self._disk_job("resize", name, f"{name} --size {size}", act)

    def import_disk(self, name: str, file: str) -> int:
        """An additional disk out of a real file: only its size and format are taken."""
        path = Path(file).expanduser()

        async def work(update: Update) -> None:
            try:
                image, used = await asyncio.to_thread(lambda: (diskformat.read(path), path.stat().st_blocks * 512))
            except OSError as error:
                raise NotFoundError(f"cannot read `{path}`", detail=error.strerror or "") from error
            self._add(name, max(image.size, 0), used, image.format)
            notice.info(f"Imported {name} with size {format_size(max(image.size, 0))}")
            self.poke()
        return self._jobs.submit("disk import", name, f"limatui disk import {name} {quote(str(path))}", work)

    def unlock_disk(self, name: str) -> int:
        """Forget the lock of a machine that is dead."""
        def act() -> None:
            disk = self._disk(name)
            if disk.holder_alive:
                raise LockedError(f"Cannot unlock disk `{name}` used by running instance `{disk.holder}`")
            self._put(replace(disk, holder="", holder_alive=False))
            notice.info(f"Unlocked disk `{name}` (`{disk.dir}`)")
        return self._disk_job("unlock", name, name, act)

    # --- snapshots

    async def snapshots(self, name: str) -> tuple[Snapshot, ...]:
        """Those of a machine, oldest first."""
        self._get(name)
        found = self._snapshots.get(name, ())
        return tuple(replace(each, id=str(number)) for number, each in enumerate(found, 1))

    def _snapshot(self, verb: str, name: str, tag: str, work: Callable[[Update], Awaitable[object]]) -> int:
        command = f"limatui snapshot {verb} {name} --tag {quote(tag)}"
        return self._jobs.submit(f"snapshot {verb}", name, command, work)

    def _tagged(self, name: str, tag: str) -> Snapshot:
        self._get(name)
        found = next((each for each in self._snapshots.get(name, ()) if each.tag == tag), None)
        if found is None:
            raise NotFoundError(f"snapshot `{tag}` of instance `{name}` does not exist",
                                hint=f"see `limatui snapshot list {name}`")
        return found

    def create_snapshot(self, name: str, tag: str) -> int:
        """Keep the disk as it is, and the memory of a running machine."""
        async def work(update: Update) -> None:
            machine = self._get(name)
            memory = world.usage(machine, self.now()).guest_memory_used if machine.status.is_up else 0
            await self._take_time(memory / _SAVE_RATE, f"saving {tag}", update)
            self._snapshots[name] = (*self._snapshots.get(name, ()), stock.taken(tag, memory, self.now()))
        return self._snapshot("create", name, tag, work)

    async def _take_time(self, seconds: float, detail: str, update: Update) -> None:
        began = self.now()
        while (elapsed := self.now() - began) < seconds:
            update(Progress("snapshot", detail, elapsed / seconds))
            await self._pause(self.now() + BOOT_TICK)

    def apply_snapshot(self, name: str, tag: str) -> int:
        """Go back to a snapshot."""
        async def work(update: Update) -> None:
            found, machine = self._tagged(name, tag), self._get(name)
            if machine.status.is_up and not found.memory:
                raise StateError(f"snapshot `{tag}` holds no memory", hint=f"`limatui stop {name}` first")
            await self._take_time(found.memory / _SAVE_RATE, f"going back to {tag}", update)
        return self._snapshot("apply", name, tag, work)

    def delete_snapshot(self, name: str, tag: str) -> int:
        """Forget a snapshot."""
        async def work(update: Update) -> None:
            gone = self._tagged(name, tag)
            self._snapshots[name] = tuple(each for each in self._snapshots[name] if each is not gone)
        return self._snapshot("delete", name, tag, work)

    # --- download cache

    async def cache(self) -> tuple[CacheEntry, ...]:
        """What was downloaded, and who refers to it."""
        templates = {each.name: each.template for each in self._machines.values()}
        return tuple(replace(each, used_by=stock.users(each, templates)) for each in self._cache.values())

    def prune(self, *, keep_referred: bool = True) -> int:
        """Delete downloads, all or those that nothing refers to."""
        async def work(update: Update) -> None:
            if not keep_referred:
                notice.info(f"Pruning `{self.home}/cache`")
            kept = [each.key for each in await self.cache() if keep_referred and each.used_by and not each.partial]
            self._cache = {key: entry for key, entry in self._cache.items() if key in kept}
        return self._jobs.submit("prune", "", f"limatui prune{' --keep-referred' if keep_referred else ''}", work)
