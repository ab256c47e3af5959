"""Delete an instance: refused when protected or running, otherwise everything of it goes."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable

from limacore.base.files import write_failed
from limacore.errors import NotFoundError, ProtectedError, StateError
from limacore.lifecycle.guard import existing, held
from limacore.lifecycle.stop import force_stop
from limacore.model.instance import Status
from limacore.model.job import Progress
from limacore.paths import HomePaths, InstancePaths
from limacore.store.scan import inspect


async def delete(home: HomePaths, name: str, *, force: bool = False, report: Callable[[Progress], None]) -> None:
    """Remove instance `name`; with `force` also a running one. Raises ProtectedError, StateError, NotFoundError."""
    paths = existing(home, name)
    with held(paths):
        _refuse(paths, home, force)
        await force_stop(paths, home, report)
        report(Progress("delete", str(paths.dir)))
        await asyncio.to_thread(_remove_tree, paths)


def _refuse(paths: InstancePaths, home: HomePaths, force: bool) -> None:
    if paths.protected.exists():
        raise ProtectedError(f"instance `{paths.name}` is protected to prohibit accidental removal",
                             hint=f"lift it first: limatui unprotect {paths.name}")
    if not paths.lima_yaml.exists():
        raise NotFoundError(f"directory `{paths.dir}` has no lima.yaml, it was not deleted",
                            hint="if it is no instance of yours, remove it by hand")
    status = inspect(home, paths.name).status
    if not force and status is not Status.STOPPED:
        raise StateError(f"instance `{paths.name}` is not stopped but `{status}`",
                         hint=f"stop it first, or: limatui delete -f {paths.name}")


def _remove_tree(paths: InstancePaths) -> None:
    """Rename first: a name starting with `.` is no instance, so nobody ever sees half of one."""
    grave = paths.dir.with_name(f".create-{paths.name}-deleted-{os.getpid()}")
    try:
        paths.dir.rename(grave)
        shutil.rmtree(grave)
    except OSError as error:
        raise write_failed(paths.dir, error) from error
