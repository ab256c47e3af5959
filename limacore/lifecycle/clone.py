"""Clone and rename: the new instance appears complete or not at all, and nothing of it leads back to the old one."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable
from pathlib import Path

from limacore.base import notice, proc
from limacore.base.files import remove_tree, symlink_atomic, write_atomic, write_failed
from limacore.base.goquote import ticked
from limacore.errors import AlreadyExistsError, HostError, LimaError, NotFoundError, StateError, UsageError
from limacore.images.meter import Meter
from limacore.lifecycle import autostart, copying
from limacore.lifecycle.guard import held
from limacore.lifecycle.stage import claimable, publish, staged
from limacore.lifecycle.suspended import refuse_suspended
from limacore.model.instance import Status
from limacore.model.job import Progress
from limacore.paths import DISK_LOCK, PASSING, HomePaths, InstancePaths, hostname
from limacore.store import disklocks
from limacore.store.scan import inspect

Report = Callable[[Progress], None]
Edit = Callable[[str], str]
"""What is to be done to the text of lima.yaml; raises ConfigError for a text that it refuses."""


def _unchanged(text: str) -> str:
    return text


async def clone(
    home: HomePaths, name: str, new: str, *, report: Report, edit: Edit = _unchanged
) -> InstancePaths:
    """Copy a stopped instance, cheaply where the file system can; on any error or cancellation nothing is left.

    Raises NotFoundError, UsageError, StateError (it runs), AlreadyExistsError, HostError, ConfigError (of `edit`).
    """
    old, paths = _both(home, name, new, "clone")
    with held(old):
        _require_down(home, name, "clone")
        text = _edited(home, old, paths, edit)
        async with staged(home, new) as stage:
            await _copy(old, stage, report)
            await _rebase(stage, old.dir)
            if text is not None:
                write_atomic(stage.lima_yaml, text)
            _require_down(home, name, "clone")  # limactl knows no lock: it may have been started meanwhile
            publish(stage, paths)
    return paths


async def rename(
    home: HomePaths, name: str, new: str, *, report: Report, edit: Edit = _unchanged
) -> InstancePaths:
    """Give a stopped instance another name: one rename of its directory, so it is whole under either name.

    Its protection, its place at login and its locks on disks go with it. Raises as `clone` does.
    """
    old, paths = _both(home, name, new, "rename")
    with held(old):
        _require_down(home, name, "rename")
        text = _edited(home, old, paths, edit)
        report(Progress("rename", new))
        await _rebase(old, old.dir)
        await asyncio.to_thread(_move, home, old, paths)
        if text is not None:
            write_atomic(paths.lima_yaml, text)
    try:
        await asyncio.to_thread(autostart.rename, home, name, new)
    except LimaError as error:
        notice.warning(f"The autostart entry of {ticked(name)} could not be moved to {ticked(new)}: {error.message}")
    return paths


def _both(home: HomePaths, name: str, new: str, verb: str) -> tuple[InstancePaths, InstancePaths]:
    """The paths of both, checked in limactl's order."""
    old = home.instance(name)
    if not old.lima_yaml.exists():
        raise NotFoundError(f"instance {ticked(name)} not found", hint=f"see `{notice.program()} list`")
    if not new:
        raise UsageError("got empty instName", hint="give the new instance a name")
    if new == name:
        raise UsageError(f"new instance name {ticked(new)} must be different from {ticked(name)}")
    home.instance(new)
    _require_down(home, name, verb)
    return old, claimable(home, new)


def _require_down(home: HomePaths, name: str, verb: str) -> None:
    instance = inspect(home, name)
    refuse_suspended(instance, verb)
    if instance.status is not Status.STOPPED and (instance.ha_pid or instance.driver_pid):
        raise StateError(f"cannot {verb} a running instance", hint=f"stop it first: {notice.program()} stop {name}")


def _edited(home: HomePaths, old: InstancePaths, new: InstancePaths, edit: Edit) -> str | None:
    """The new text of lima.yaml, None when it stays as it is."""
    try:
        text = old.lima_yaml.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    changed = edit(text)
    if changed == text:
        return None
    from limacore.lifecycle.edit import require_usable  # a plain copy needs none of what edits are made with

    require_usable(text, changed, new.lima_yaml, home)
    return changed


async def _copy(old: InstancePaths, stage: InstancePaths, report: Report) -> None:
    items = await asyncio.to_thread(lambda: tuple(copying.plan(old.dir)))
    loop, stop = asyncio.get_running_loop(), threading.Event()
    meter = Meter("clone", old.name, sum(item.size for item in items),
                  lambda progress: _told(loop, report, progress))
    work = asyncio.ensure_future(
        asyncio.to_thread(copying.carry_out, items, old.dir, stage.dir, stop, meter.add))
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        stop.set()
        with contextlib.suppress(LimaError):
            await work
        raise
    report(Progress("clone", old.name, 1.0))


def _told(loop: asyncio.AbstractEventLoop, report: Report, progress: Progress) -> None:
    loop.call_soon_threadsafe(report, progress)


async def _rebase(paths: InstancePaths, origin: Path) -> None:
    """An overlay names its base by its own place, not by that of the old instance."""
    for image, name, kind in copying.absolute_backing(paths, origin):
        done = await proc.run(["qemu-img", "rebase", "-u", "-F", kind, "-b", name, image.name], cwd=paths.dir)
        if done.code:
            raise HostError(f"cannot change the backing file of `{image}`", detail=done.stderr.strip())


def _move(home: HomePaths, old: InstancePaths, new: InstancePaths) -> None:
    for entry in [each for each in old.dir.iterdir() if each.name.endswith(PASSING)]:
        remove_tree(entry)
    for link, target in [(each, each.readlink()) for each in old.dir.iterdir() if each.is_symlink()]:
        if target.is_relative_to(old.dir):
            symlink_atomic(str(target.relative_to(old.dir)), link)
    try:
        old.dir.rename(new.dir)
    except OSError as error:
        if new.dir.exists():
            raise AlreadyExistsError(f"instance {ticked(new.name)} already exists") from error
        raise write_failed(new.dir, error) from error
    for folder in disklocks.held_by(home, old.dir):
        symlink_atomic(str(new.dir), folder / DISK_LOCK)
    _rewrite_ssh_config(old, new)


def _rewrite_ssh_config(old: InstancePaths, new: InstancePaths) -> None:
    """Its host alias and its control socket bear the name."""
    try:
        text = new.ssh_config.read_text()
    except (OSError, UnicodeDecodeError):
        return
    alias = re.compile(rf"^((?:Host|#).*\b){re.escape(hostname(old.name))}$", re.MULTILINE)
    text = alias.sub(rf"\g<1>{hostname(new.name)}", text.replace(f"{old.dir}/", f"{new.dir}/"))
    write_atomic(new.ssh_config, text, 0o600)
