"""Snapshots of an instance: by qemu-img while it is stopped, by QEMU's monitor, with the memory, while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import NoReturn

from limacore.base import diskformat, notice, proc
from limacore.base.goquote import quoted, ticked
from limacore.drivers.qemu import qmp
from limacore.errors import ConfigError, DriverError, GuestError, NotFoundError, StateError, UsageError
from limacore.lifecycle.guard import configured, held
from limacore.lifecycle.suspended import refuse_suspended
from limacore.model.instance import Instance
from limacore.model.snapshot import Snapshot
from limacore.model.suspension import TAG
from limacore.paths import HomePaths, InstancePaths
from limacore.ssh.mux import Mux
from limacore.store.scan import inspect

_LIMIT = 900.0
"""Seconds that QEMU may take to write or read the memory of a machine."""
_ROW = re.compile(r"(?P<id>\S+)\s+(?P<tag>.*?)\s+(?P<size>[\d.]+)\s*(?P<unit>[KMGTPE]?i?B)\s+"
                  r"(?P<date>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\s+(?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>\d\d\.\d+)"
                  r"(\s+\S*)?")
_UNITS = {unit: 1024**power for power, unit in enumerate(("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"))}
_HEADINGS = ("Snapshot list:", "List of snapshots present on all disks:", "There is no snapshot available.",
             "There is no suitable snapshot available")


async def listing(home: HomePaths, name: str) -> tuple[Snapshot, ...]:
    """The snapshots of an instance in the order of QEMU's table; raises LimaError."""
    return parse(await table(home, name))


async def table(home: HomePaths, name: str) -> str:
    """QEMU's own table, its header first; empty without snapshots. Raises LimaError."""
    return await _table(await asyncio.to_thread(_usable, home, name), home.instance(name))


async def create(home: HomePaths, name: str, tag: str) -> None:
    """Keep the state of an instance under `tag`; raises UsageError, StateError, DriverError."""
    paths = configured(home, name)
    with held(paths):
        instance = await asyncio.to_thread(_usable, home, name)
        _require_tag(tag)
        _require_layers(paths)
        await _do(instance, paths, "savevm", "-c", tag)


async def apply(home: HomePaths, name: str, tag: str) -> None:
    """Go back to a snapshot; raises NotFoundError for an unknown tag, else as `create`."""
    await _on_existing(home, name, tag, "loadvm", "-a")


async def delete(home: HomePaths, name: str, tag: str) -> None:
    """Forget a snapshot; raises as `apply`."""
    await _on_existing(home, name, tag, "delvm", "-d")


async def _on_existing(home: HomePaths, name: str, tag: str, command: str, option: str) -> None:
    paths = configured(home, name)
    with held(paths):
        instance = await asyncio.to_thread(_usable, home, name)
        _require_tag(tag)
        _require_layers(paths)
        if command == "loadvm":
            refuse_suspended(instance, "apply a snapshot to")
        found = parse(await _table(instance, paths))
        _require_known(found, tag, name)
        if command == "loadvm" and instance.driver_pid:
            _require_memory(found, tag)
        await _do(instance, paths, command, option, tag)


def _usable(home: HomePaths, name: str) -> Instance:
    """The instance, when its driver knows snapshots and somebody can be asked for them now."""
    configured(home, name)
    instance = inspect(home, name)
    if not instance.vm_type:
        raise ConfigError(f"errors inspecting instance {ticked(name)}", detail="; ".join(instance.errors))
    if instance.vm_type != "qemu":
        by = " by the krunkit driver" if instance.vm_type == "krunkit" else ""
        raise DriverError(f"unimplemented{by}", hint="only machines of the qemu driver have snapshots")
    if not instance.status.is_down and not instance.driver_pid:
        raise StateError(f"instance {ticked(name)} is `{instance.status}`, and there is no machine yet to ask",
                         hint="wait until it runs, or stop it")
    return instance


def _require_tag(tag: str) -> None:
    if not tag:
        raise UsageError("expected tag", hint="name the snapshot: --tag NAME")
    if tag == TAG:
        raise UsageError(f"{ticked(tag)} is how {notice.program()} keeps the memory of a suspended instance",
                         hint="choose another tag")
    if not tag.isprintable() or tag != tag.strip():
        raise UsageError(f"a snapshot cannot be called {ticked(tag)}", hint="use letters, digits and blanks inside")


def _require_layers(paths: InstancePaths) -> None:
    """Raise StateError when the main disk has a format that holds no snapshots."""
    try:
        kind = diskformat.read(paths.disk).format
    except OSError as error:
        raise StateError(f"instance {ticked(paths.name)} has no disk yet",
                         hint=f"start it once: {notice.program()} start {paths.name}") from error
    if kind != "qcow2":
        raise StateError(f"the disk of instance {ticked(paths.name)} is {kind}, which cannot hold snapshots",
                         hint=f"convert it while stopped: qemu-img convert -O qcow2 {paths.disk} {paths.disk}.qcow2, "
                              "then put that in its place")


def _require_known(snapshots: tuple[Snapshot, ...], tag: str, name: str) -> None:
    """QEMU takes the number of a snapshot for its tag: one that means two of them is refused."""
    if not any(each.tag == tag for each in snapshots):
        have = ", ".join(dict.fromkeys(each.tag for each in snapshots)) or "none"
        raise NotFoundError(f"instance {ticked(name)} has no snapshot {ticked(tag)}", hint=f"it has: {have}")
    if any(each.id == tag and each.tag != tag for each in snapshots):
        raise StateError(f"{ticked(tag)} is the tag of one snapshot and the number of another",
                         hint="use qemu-img snapshot on the stopped instance")


def _require_memory(snapshots: tuple[Snapshot, ...], tag: str) -> None:
    """A running machine can only go back to where it ran; QEMU would refuse, and leave it halted."""
    if any(each.tag == tag and not each.memory for each in snapshots):
        raise StateError(f"snapshot {ticked(tag)} has no memory: it was taken while the machine was stopped",
                         hint="stop the instance, then apply it")


async def _do(instance: Instance, paths: InstancePaths, command: str, option: str, tag: str) -> None:
    if not instance.driver_pid:
        await _qemu_img(paths, option, tag)
        return
    notice.info(f"Sending HMP {command} command")
    said = await qmp.human(paths.qmp_sock, f"{command} {quoted(tag)}", within=_LIMIT)
    if said.strip():
        _fail(said.strip(), command)
    if command == "loadvm":
        await _hang_up(paths)


async def _hang_up(paths: InstancePaths) -> None:
    """The guest knows nothing of connections made after the snapshot: ssh would wait for a minute to notice."""
    with contextlib.suppress(GuestError, OSError):
        master = await Mux.connect(paths.ssh_sock)
        with contextlib.closing(master):
            await master.terminate()


def _fail(said: str, command: str) -> NoReturn:
    """The monitor has no error codes: it prints only when something went wrong."""
    hint = "the machine may be halted half-way: end it by `stop -f`" if command == "loadvm" else ""
    if "does not support snapshots" in said:
        hint = "every writable disk must be qcow2; additional disks count, too"
    raise DriverError(said.removeprefix("Error: "), hint=hint)


async def _table(instance: Instance, paths: InstancePaths) -> str:
    if instance.driver_pid:
        return trimmed(await qmp.human(paths.qmp_sock, "info snapshots", within=qmp.TIMEOUT))
    if not await asyncio.to_thread(paths.disk.exists):
        return ""
    return trimmed(await _qemu_img(paths, "-l"))


async def _qemu_img(paths: InstancePaths, *words: str) -> str:
    done = await proc.run(["qemu-img", "snapshot", *words, str(paths.disk)], timeout=_LIMIT)
    if done.code:
        raise DriverError(f"`qemu-img snapshot {words[0]}` failed",
                          detail=done.stderr.strip().removeprefix("qemu-img: "))
    return done.stdout


def trimmed(text: str) -> str:
    """A table without what stands above it; nothing when it has no row."""
    lines = [line for line in text.splitlines()
             if line.strip() and not line.startswith(_HEADINGS) and not _is_ours(line)]
    return "".join(f"{line}\n" for line in lines) if len(lines) > 1 else ""


def _is_ours(line: str) -> bool:
    """Whether this is the state of a suspended machine, which is no snapshot of the user's."""
    row = _ROW.fullmatch(line.strip())
    return row is not None and row["tag"] == TAG


def parse(text: str) -> tuple[Snapshot, ...]:
    """The rows of a table; sizes are as exact as QEMU prints them."""
    found = (_ROW.fullmatch(line.strip()) for line in text.splitlines())
    return tuple(_snapshot(row) for row in found if row is not None)


def _snapshot(row: re.Match[str]) -> Snapshot:
    clock = int(row["hours"]) * 3600 + int(row["minutes"]) * 60 + float(row["seconds"])
    return Snapshot(id=row["id"], tag=row["tag"], memory=int(float(row["size"]) * _UNITS[row["unit"]]),
                    date=row["date"], clock=clock)
