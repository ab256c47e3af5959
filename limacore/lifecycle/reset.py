"""Factory reset: an instance as it was made; its configuration stays, what the guest wrote is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from limacore.base import notice
from limacore.base.files import remove_tree
from limacore.base.goquote import ticked
from limacore.config.load import load
from limacore.errors import ConfigError, ProtectedError
from limacore.lifecycle.create import write_cloud_config
from limacore.lifecycle.guard import configured, held
from limacore.lifecycle.stop import force_stop
from limacore.model.config import Config
from limacore.model.job import Progress
from limacore.paths import HomePaths, InstancePaths

Report = Callable[[Progress], None]
_ENDINGS = (".yaml", ".yml")


async def factory_reset(home: HomePaths, name: str, *, report: Report) -> None:
    """End instance `name` by force and remove its disks, logs and keys; the next start makes them anew.

    Raises NotFoundError, ProtectedError, and ConfigError for a lima.yaml that no disk could be made from.
    """
    paths = configured(home, name)
    with held(paths):
        if paths.protected.exists():
            raise ProtectedError("instance is protected to prohibit accidental factory-reset "
                                 f"(Hint: use `{notice.program()} unprotect`)")
        config = await asyncio.to_thread(_readable, home, paths)
        await force_stop(paths, home, report)
        report(Progress("factory-reset", str(paths.dir)))
        await asyncio.to_thread(_empty, paths)
        await asyncio.to_thread(write_cloud_config, paths, paths, home, config)
    notice.info(f"Instance {ticked(name)} has been factory reset")


def _readable(home: HomePaths, paths: InstancePaths) -> Config:
    loaded = load(paths.lima_yaml, home, exists=False)  # as when it was made
    if loaded.config is None or loaded.errors:
        reasons = "; ".join(each.message for each in loaded.errors)
        raise ConfigError(f"errors inspecting instance {ticked(paths.name)}", detail=reasons,
                          hint=f"nothing was removed; correct it first: {notice.program()} edit {paths.name}")
    return loaded.config


def _empty(paths: InstancePaths) -> None:
    for entry in sorted(paths.dir.iterdir()):
        if is_kept(entry.name, paths):
            continue
        notice.info(f"Removing {ticked(str(entry))}")
        remove_tree(entry)


def is_kept(name: str, paths: InstancePaths) -> bool:
    """Whether an entry of the instance directory outlives a factory reset."""
    kept = (paths.lima_version.name, paths.protected.name, paths.queued_yaml.name, "vz-identifier")
    return name in kept or name.endswith(_ENDINGS)
