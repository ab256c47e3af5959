"""A suspended instance: what may not be done to it, and how its memory is given up."""

from __future__ import annotations

from limacore.base import notice
from limacore.base.goquote import ticked
from limacore.errors import LimaError, StateError
from limacore.model.instance import Instance, Status
from limacore.paths import HomePaths, InstancePaths
from limacore.store import suspension


async def drop_state(instance: Instance, paths: InstancePaths, home: HomePaths) -> None:
    """Give up the memory of a suspended instance; no error when it is none."""
    if not suspension.exists(paths):
        return
    suspension.forget(paths)
    try:
        if instance.config is not None:
            await suspension.clean(paths, home, instance.config)
    except LimaError as error:
        notice.warning(str(error))
    notice.info(f"The suspended state of instance {ticked(paths.name)} was given up")


def refuse_suspended(instance: Instance, verb: str) -> None:
    """Raise StateError for a suspended instance: what is done to its disk would cost its memory."""
    if instance.status is Status.SUSPENDED:
        name, program = instance.name, notice.program()
        raise StateError(f"cannot {verb} instance {ticked(name)}: it is suspended",
                         detail="its memory is kept in its disk",
                         hint=f"`{program} start {name}` lets it go on, `{program} stop -f {name}` gives it up")
