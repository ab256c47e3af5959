"""Files of earlier boots: sockets to remove, serial logs to keep, a QEMU that may still run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from limacore.base import proc
from limacore.errors import StateError
from limacore.paths import InstancePaths

KEPT_LOGS = 5
"""How many earlier boots keep their serial logs."""
_SERIALS = ("serial", "serialp", "serialv")


def running(paths: InstancePaths) -> proc.ProcessIdentity | None:
    """The QEMU of this instance, if the pid file names a process that really is that."""
    try:
        pid = int(paths.driver_pid().read_text())
    except (OSError, ValueError):
        return None
    found = proc.identity(pid)
    return found if found and str(paths.driver_pid()) in found.argv else None


def refuse_running(paths: InstancePaths) -> None:
    """Raise StateError when a QEMU of this instance runs: it would lose its sockets and logs to a second one."""
    found = running(paths)
    if found:
        raise StateError(f"QEMU of instance `{paths.name}` is still running (pid {found.pid})",
                         hint=f"end it with `limatui stop -f {paths.name}`")


@contextlib.contextmanager
def tidy(paths: InstancePaths) -> Iterator[None]:
    """Room for a new QEMU in the instance directory; afterwards its sockets and pid file are gone again.

    Raises StateError when a QEMU runs. One that got in between meanwhile keeps its files.
    """
    refuse_running(paths)
    _remove(paths)
    for kind in _SERIALS:
        rotate(paths, paths.serial(kind, "log"))
    try:
        yield
    finally:
        if not running(paths):
            _remove(paths)


def rotate(paths: InstancePaths, log: Path) -> None:
    """Make `serial.log` `serial.1.log`, and so on; the oldest goes."""
    if not log.exists():
        return
    for age in range(KEPT_LOGS - 1, 0, -1):
        with contextlib.suppress(FileNotFoundError):
            paths.earlier(log, age).replace(paths.earlier(log, age + 1))
    log.replace(paths.earlier(log, 1))


def _remove(paths: InstancePaths) -> None:
    sockets = [paths.serial(kind, "sock") for kind in _SERIALS]
    helpers = [paths.swtpm_sock, *paths.dir.glob("virtiofsd-*.sock")]
    own = [paths.qmp_sock, paths.events_sock, paths.ga_sock, paths.halted, paths.driver_pid()]
    for path in (*sockets, *helpers, *own):
        path.unlink(missing_ok=True)
