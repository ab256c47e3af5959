"""One command at a time on one instance: a flock on its directory, held while a command changes it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from limacore.base import notice
from limacore.base.files import locked, write_failed
from limacore.base.goquote import ticked
from limacore.errors import LimaError, NotFoundError
from limacore.model.instance import Instance
from limacore.paths import HomePaths, InstancePaths


def existing(home: HomePaths, name: str) -> InstancePaths:
    """Paths of an instance whose directory is there; raises NotFoundError."""
    paths = home.instance(name)
    if not paths.dir.is_dir():
        raise _missing(paths)
    return paths


def configured(home: HomePaths, name: str) -> InstancePaths:
    """Paths of an instance that has a lima.yaml, readable or not; raises NotFoundError."""
    paths = home.instance(name)
    try:
        paths.lima_yaml.stat()
    except FileNotFoundError as error:
        raise _missing(paths) from error
    except OSError as error:
        raise LimaError(f"open {paths.lima_yaml}: {(error.strerror or str(error)).lower()}") from error
    return paths


def _missing(paths: InstancePaths) -> NotFoundError:
    return NotFoundError(f"open {paths.lima_yaml}: no such file or directory",
                         hint=f"there is no instance {ticked(paths.name)}; see `{notice.program()} list`")


def word(instance: Instance) -> str:
    """The status as limactl's messages have it: empty for an instance whose lima.yaml cannot be used."""
    return instance.status.limactl_word if instance.vm_type else ""


@contextlib.contextmanager
def held(paths: InstancePaths) -> Iterator[None]:
    """Hold the instance; raises LockedError at once when another command holds it, NotFoundError when it is gone."""
    before = _identity(paths.dir)
    busy = f"another command is working on instance {ticked(paths.name)}; wait for it to end, then try again"
    try:
        holding = contextlib.ExitStack()
        holding.enter_context(locked(paths.dir, wait=False, busy=busy, make=False))
    except FileNotFoundError as error:
        raise _missing(paths) from error
    except OSError as error:
        raise write_failed(paths.dir, error) from error
    with holding:
        # Whoever held it before may have renamed or deleted it: then the lock is on something else.
        if before is None or _identity(paths.dir) != before:
            raise _missing(paths)
        yield


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
