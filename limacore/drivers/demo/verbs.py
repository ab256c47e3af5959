"""What a user does to a demo machine, as jobs; refusals read as those of the real engine."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from limacore.base import notice
from limacore.base.units import format_size, parse_size
from limacore.drivers.demo import boot, files, stock, texts, world
from limacore.drivers.demo.base import BOOT_TICK, DemoWorld
from limacore.drivers.demo.stock import Image
from limacore.drivers.demo.world import Machine
from limacore.errors import AlreadyExistsError, ProtectedError, StateError, UsageError
from limacore.jobs import Update
from limacore.model.instance import Status, Step
from limacore.model.job import Progress
from limacore.paths import InstancePaths, check_instance_name

_STOP_SECONDS, _SAVE_SECONDS = 2.0, 1.0
_ON: Mapping[str, Any] = {"status": Status.RUNNING, "phase": "", "errors": (),
                          "evidence": ("host agent answers on ha.sock",)}
_DOWNLOAD_RATE = 38e6
_COPY_RATE = 900e6
"""Bytes per second."""
_OFF: Mapping[str, Any] = {"status": Status.STOPPED, "phase": "", "started_at": 0.0, "errors": (),
                           "evidence": ("no host agent, no QEMU process",)}


class DemoVerbs(DemoWorld):
    """Start, stop, pause, suspend, make, copy, rename, reset, protect, delete."""

    def _begin(self, verb: str, target: str, words: str, work: Callable[[Update], Awaitable[object]]) -> int:
        return self._jobs.submit(verb, target, f"limatui {words}", work)

    def start(self, name: str) -> int:
        """Boot a machine."""
        async def work(update: Update) -> None:
            machine = self._get(name)
            if machine.status is Status.SUSPENDED:
                await self._go_on(name, update)
                return
            if machine.status not in (Status.STOPPED, Status.ORPHAN_QEMU, Status.ORPHAN_AGENT):
                raise StateError(f"instance `{name}` is already {machine.status.value.lower()}",
                                 hint=f"`limatui stop {name}` first")
            await self._boot(name, update)
        return self._begin("start", name, f"start {name}", work)

    async def _boot(self, name: str, update: Update, image: Step | None = None) -> None:
        notice.info(f"Starting the instance \"{name}\" with the demo driver")
        try:
            await self._boot_through(name, update, image)
        except asyncio.CancelledError:
            if name in self._machines:
                self._change(name, status=Status.STOPPED, started_at=0.0)
            raise
        notice.info(f"READY. Run `limatui shell {name}` to open the shell.")

    async def _boot_through(self, name: str, update: Update, image: Step | None) -> None:
        await asyncio.to_thread(lambda: files.begin_serial(self._directory(name)))
        await asyncio.to_thread(lambda: texts.apply_queued(InstancePaths(self._directory(name))))
        self._waiting.discard(name)
        began, scale = self.now(), self._get(name).scale
        port = self._get(name).ssh_port or 40000 + len(name) * 17
        self._printed[name] = 0.0
        self._change(name, status=Status.STARTING, phase="", started_at=began, ssh_port=port,
                     evidence=("host agent runs, not yet ready",), errors=())
        while self._get(name).status is Status.STARTING:
            update(_booting(self.now() - began, scale, image))
            await self._pause(self.now() + BOOT_TICK)
            await self._boot_on(self._get(name)) if self._get(name).status is Status.STARTING else None
        if self._get(name).status is not Status.RUNNING:
            raise StateError(f"instance `{name}` was stopped before it was ready")
        update(_booting(boot.total(scale), scale, image))

    def stop(self, name: str, *, force: bool = False) -> int:
        """Shut a machine down, at once with `force`."""
        async def work(update: Update) -> None:
            if not self._get(name).status.is_up and self._get(name).status is not Status.ORPHAN_AGENT:
                raise StateError(f"instance `{name}` does not run")
            await self._down(name, update, 0.0 if force else _STOP_SECONDS)
        return self._begin("stop", name, f"stop {'-f ' if force else ''}{name}", work)

    async def _down(self, name: str, update: Update, seconds: float) -> None:
        began = self.now()
        self._change(name, status=Status.STOPPING, phase="power button pressed")
        while (elapsed := self.now() - began) < seconds:
            update(Progress("stop", "waiting for the guest", elapsed / seconds))
            await self._pause(began + seconds if self._frozen is None else None)
        self._line(name).hang_up()
        self._change(name, **_OFF)

    def restart(self, name: str) -> int:
        """Stop, then start."""
        async def work(update: Update) -> None:
            if self._get(name).status.is_up:
                await self._down(name, update, _STOP_SECONDS)
            await self._boot(name, update)
        return self._begin("restart", name, f"restart {name}", work)

    def pause(self, name: str) -> int:
        """Let a machine stand still."""
        async def work(update: Update) -> None:
            self._require(name, Status.RUNNING)
            self._change(name, status=Status.PAUSED, evidence=("QEMU says that the machine stands still",))
        return self._begin("pause", name, f"pause {name}", work)

    def resume(self, name: str) -> int:
        """Let it go on, whatever has halted it."""
        async def work(update: Update) -> None:
            self._require(name, Status.PAUSED)
            self._change(name, **_ON)
        return self._begin("resume", name, f"resume {name}", work)

    def suspend(self, name: str) -> int:
        """Keep the memory in the disk."""
        async def work(update: Update) -> None:
            self._require(name, Status.RUNNING)
            self._change(name, status=Status.STOPPING, phase="suspending: writing its memory")
            await self._take(_SAVE_SECONDS, "suspend", "writing the memory into the disk", update)
            self._line(name).hang_up()
            self._change(name, **{**_OFF, "status": Status.SUSPENDED})
        return self._begin("suspend", name, f"suspend {name}", work)

    async def _go_on(self, name: str, update: Update) -> None:
        await self._take(_SAVE_SECONDS, "start", "loading the memory", update)
        self._change(name, **_ON, started_at=self.now())

    async def _take(self, seconds: float, step: str, detail: str, update: Update) -> None:
        began = self.now()
        while (elapsed := self.now() - began) < seconds:
            update(Progress(step, detail, elapsed / seconds))
            await self._pause(began + seconds if self._frozen is None else None)

    def set_memory(self, name: str, size: str) -> int:
        """Let the guest use so much memory."""
        async def work(update: Update) -> None:
            self._require(name, Status.RUNNING)
            machine, wanted = self._get(name), parse_size(size)
            self._change(name, memory_share=min(machine.memory_share, wanted / machine.memory))
            notice.info(f"The guest has {format_size(wanted)} of {format_size(machine.memory)}")
        return self._begin("memory", name, f"memory set {name} {size}", work)

    def _require(self, name: str, status: Status) -> None:
        if (found := self._get(name).status) is not status:
            raise StateError(f"instance `{name}` is {found.value.lower()}, not {status.value.lower()}")

    def create(self, name: str, template: str, *, start: bool = True, cpus: int | None = None,
               memory: str | None = None, disk: str | None = None, changes: Mapping[str, object] | None = None,
               text: str | None = None) -> int:
        """A new machine from a template; its image is downloaded unless the cache has it."""
        async def work(update: Update) -> None:
            self._require_free(name)
            image = await self._image(stock.image_of(template), update)
            size = parse_size(disk) if disk else 100 * world.GIB
            self._machines[name] = Machine(
                name, cpus=cpus or 2, memory=parse_size(memory) if memory else 4 * world.GIB, disk=size,
                disk_used=world.GIB, template=f"template:{template}", ready_seconds=0.0, load=12.0)
            self.poke()
            if start:
                await self._boot(name, update, image)
        words = f"{'start' if start else 'create'} --name={name} template:{template}"
        return self._begin("create", name, words, work)

    def _require_free(self, name: str) -> None:
        check_instance_name(name)
        if name in self._machines:
            raise AlreadyExistsError(f"instance `{name}` already exists", hint="choose another name")

    async def _image(self, image: Image, update: Update) -> Step:
        if image.key not in self._cache or self._cache[image.key].partial:
            notice.info("Attempting to download the image", arch="x86_64", location=image.url)
            began = self.now()
            await self._move(image.size, _DOWNLOAD_RATE, lambda done: self._arrived(image, done),
                             lambda told: update(replace(told, step="image", detail=f"downloading {image.name}")))
            notice.info(f"Downloaded the image from `{image.url}`")
            return Step("image", "done", f"{image.name}, downloaded", self.now() - began)
        notice.info(f"Using cache `{stock.cached(image, Path(self._label), self.now()).path}`")
        return Step("image", "done", f"{image.name}, cached")

    def _arrived(self, image: Image, done: int) -> None:
        self._cache[image.key] = stock.cached(image, Path(self.home), self.now(), size=done)

    async def _move(self, total: int, rate: float, arrived: Callable[[int], None],
                    tell: Callable[[Progress], None]) -> None:
        """Bytes arrive at a rate until all are there."""
        began, done = self.now(), 0
        while done < total:
            tell(Progress("", "", done / total, done, total, rate, (total - done) / rate))
            await self._pause(self.now() + BOOT_TICK)
            done = min(total, int(rate * (self.now() - began)))
            arrived(done)

    def clone(self, name: str, new: str) -> int:
        """Copy a machine that does not run."""
        async def work(update: Update) -> None:
            machine = self._movable(name, new, "clone")
            await self._move(machine.disk_used, _COPY_RATE, lambda done: None,
                             lambda told: update(replace(told, step="disk", detail=f"copying to {new}")))
            self._machines[new] = replace(machine, name=new, protected=False)
            self._snapshots[new] = self._snapshots.get(name, ())
            self.poke()
        return self._begin("clone", name, f"clone {name} {new}", work)

    def _movable(self, name: str, new: str, verb: str) -> Machine:
        machine = self._get(name)
        if new == name:
            raise UsageError(f"new instance name `{new}` must be different from `{name}`")
        if machine.status.is_up:
            raise StateError(f"cannot {verb} a running instance", hint=f"`limatui stop {name}` first")
        self._require_free(new)
        return machine

    def rename(self, name: str, new: str) -> int:
        """Another name for a machine that does not run."""
        async def work(update: Update) -> None:
            machine = self._movable(name, new, "rename")
            await asyncio.to_thread(lambda: self._directory(name).rename(Path(self.home) / new))
            self._machines = {
                new if key == name else key: replace(machine, name=new) if key == name else each
                for key, each in self._machines.items()
            }
            self._snapshots[new] = self._snapshots.pop(name, ())
            self._disks = tuple(replace(each, holder=new) if each.holder == name else each for each in self._disks)
            self.poke()
        return self._begin("rename", name, f"rename {name} {new}", work)

    def factory_reset(self, name: str) -> int:
        """As it was when it was made: disk, snapshots and logs go."""
        async def work(update: Update) -> None:
            if self._get(name).protected:
                raise ProtectedError("instance is protected to prohibit accidental factory-reset",
                                     hint=f"`limatui unprotect {name}` first")
            directory = await asyncio.to_thread(self._directory, name)
            if self._get(name).status.is_up:
                await self._down(name, update, 0.0)
            for file in ("disk", "serial.log", "ha.stderr.log"):
                notice.info(f"Removing `{Path(self._label) / name / file}`")
            await asyncio.to_thread(files.forget_logs, directory)
            self._snapshots.pop(name, None)
            self._change(name, disk_used=196 << 10, ready_seconds=0.0)
            notice.info(f"Instance `{name}` has been factory reset")
        return self._begin("factory-reset", name, f"factory-reset {name}", work)

    def delete(self, name: str, *, force: bool = False) -> int:
        """Remove a machine and its files."""
        async def work(update: Update) -> None:
            machine = self._get(name)
            if machine.protected:
                raise ProtectedError(f"instance `{name}` is protected", hint=f"`limatui unprotect {name}` first")
            if machine.status.is_up and not force:
                raise StateError(f"instance `{name}` is running", hint="stop it first, or use -f")
            self._line(name).hang_up()
            await asyncio.to_thread(lambda: shutil.rmtree(self._directory(name)))
            with contextlib.suppress(KeyError):
                del self._machines[name], self._snapshots[name]
            self.poke()
        return self._begin("delete", name, f"delete {'-f ' if force else ''}{name}", work)

    def protect(self, name: str, on: bool) -> int:
        """Set or lift the protection."""
        async def work(update: Update) -> None:
            self._change(name, protected=on)
        verb = "protect" if on else "unprotect"
        return self._begin(verb, name, f"{verb} {name}", work)


def _booting(elapsed: float, scale: float, image: Step | None) -> Progress:
    steps = boot.steps(elapsed, scale)
    steps = (image, *steps[1:]) if image else steps
    return Progress(boot.phase(elapsed, scale), "", min(0.99, elapsed / boot.total(scale)), steps=steps)
