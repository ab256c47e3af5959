"""Which instances have something to tell: looked at before anything is read or even imported, as lists ask for all."""

from __future__ import annotations

import functools
from pathlib import Path

from limacore.model.instance import Instance, Status
from limacore.paths import InstancePaths

_READY = b'"running":true'
_END = 512 << 10


def worth_a_look(instance: Instance) -> bool:
    """Whether it is up or on its way, or its last start did not come through."""
    if instance.status is Status.STOPPED:
        return not was_ready(InstancePaths(Path(instance.dir)))
    return instance.status in (Status.STARTING, Status.RUNNING, Status.PAUSED, Status.PANICKED)


def was_ready(paths: InstancePaths) -> bool:
    """Whether the last start came through; of an instance that never started: nothing failed."""
    try:
        return _has_run(paths.ha_stdout, (state := paths.ha_stdout.stat()).st_size, state.st_mtime_ns)
    except OSError:
        return True


@functools.lru_cache(maxsize=256)
def _has_run(path: Path, size: int, changed: int) -> bool:
    with path.open("rb") as file:
        if _READY in file.read(_END):
            return True
        file.seek(max(0, size - _END))
        return _READY in file.read(_END)
