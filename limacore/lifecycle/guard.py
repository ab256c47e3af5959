"""One command at a time on one instance: a flock on its directory, held while a command changes it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from limacore.base.files import locked
from limacore.errors import NotFoundError
from limacore.paths import HomePaths, InstancePaths


def existing(home: HomePaths, name: str) -> InstancePaths:
    """Paths of an instance that is there; raises NotFoundError with what to do."""
    paths = home.instance(name)
    if not paths.dir.is_dir():
        raise NotFoundError(f"instance `{name}` does not exist",
                            hint="see `limatui list`, or make it: limatui create --name=NAME template:default")
    return paths


@contextlib.contextmanager
def held(paths: InstancePaths) -> Iterator[None]:
    """Hold the instance; raises LockedError at once when another command holds it."""
    busy = f"another command is working on instance `{paths.name}`; wait for it to end, then try again"
    with locked(paths.dir, wait=False, busy=busy):
        yield
