"""Delete instances: refused when protected or running, otherwise everything of them goes, and nothing else."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence

from limacore.base import notice
from limacore.base.files import remove_tree
from limacore.base.goquote import ticked
from limacore.drivers import catalog
from limacore.errors import LimaError, NotFoundError, ProtectedError, StateError
from limacore.lifecycle import autostart, many
from limacore.lifecycle.guard import held, word
from limacore.lifecycle.reconcile import reconcile
from limacore.lifecycle.stage import bury
from limacore.lifecycle.stop import force_stop
from limacore.model.instance import Instance, Status
from limacore.model.job import Progress
from limacore.paths import HomePaths, InstancePaths
from limacore.store.scan import inspect

Report = Callable[[Progress], None]


async def delete_all(home: HomePaths, names: Sequence[str], *, force: bool = False, report: Report) -> None:
    """Delete several at once. The first that is refused, and those after it, stay; what is no instance is passed over.

    Raises what was refused or failed; a name without a directory is only worth a warning.
    """
    allowed, refused = _until_refused(home, names, force)
    errors = [*await many.each(allowed, lambda name: _delete_if_there(home, name, force, report)), *refused]
    if not refused:
        try:
            await asyncio.to_thread(reconcile, home)
        except LimaError as error:
            errors.append(error)
    many.require_none(errors)


def _until_refused(home: HomePaths, names: Sequence[str], force: bool) -> tuple[list[str], list[LimaError]]:
    allowed: list[str] = []
    for name in names:
        try:
            _refuse(home.instance(name), home, force)
        except NotFoundError:
            pass
        except LimaError as error:
            return allowed, [error]
        allowed.append(name)
    return allowed, []


async def _delete_if_there(home: HomePaths, name: str, force: bool, report: Report) -> None:
    if home.instance(name).dir.exists():
        await delete(home, name, force=force, report=report)
    else:
        notice.warning(f"Ignoring non-existent instance {ticked(name)}")


async def delete(home: HomePaths, name: str, *, force: bool = False, report: Report) -> None:
    """Remove instance `name`; with `force` also a running one. Raises ProtectedError, StateError, NotFoundError.

    Of a link only the link goes: what it points to, and runs there, is somebody else's.
    """
    paths = home.instance(name)
    _refuse(paths, home, force)
    if paths.dir.is_symlink():
        remove_tree(paths.dir)
    else:
        with held(paths):
            _refuse(paths, home, force)
            instance = await force_stop(paths, home, report)
            report(Progress("delete", str(paths.dir)))
            await catalog.forget(instance.vm_type, name)
            await asyncio.to_thread(bury, paths)
    if await asyncio.to_thread(autostart.unregister, home, name):
        notice.info(f"The autostart entry for instance {ticked(name)} has been unregistered")
    notice.info(f"Deleted {ticked(name)} ({ticked(str(paths.dir))})")


def _refuse(paths: InstancePaths, home: HomePaths, force: bool) -> None:
    if not paths.dir.exists():
        raise NotFoundError(f"instance {ticked(paths.name)} does not exist", hint=f"see `{notice.program()} list`")
    if paths.dir.is_dir() and not paths.lima_yaml.exists():
        raise NotFoundError(
            f"instance {ticked(paths.name)} directory {ticked(str(paths.dir))} exists but its `lima.yaml` could not be "
            f"read; it was NOT deleted, in case it is currently being cloned into. If no `{notice.program()}` "
            "operation is using it, remove it manually")
    failed = f"failed to delete instance {ticked(paths.name)}"
    if os.path.lexists(paths.protected):
        raise ProtectedError(failed, detail="instance is protected to prohibit accidental removal "
                                            f"(Hint: use `{notice.program()} unprotect`)")
    # A plain file in the home is no instance, but `delete -f` removes it.
    instance = inspect(home, paths.name) if paths.dir.is_dir() else Instance(paths.name, "", status=Status.BROKEN)
    if not force and not instance.status.is_down:
        raise StateError(failed, detail=f"expected status `Stopped`, got `{word(instance)}`",
                         hint=f"stop it first, or: {notice.program()} delete -f {paths.name}")
