"""Start instances at login or boot: register them with the service manager of this system, and ask it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from limacore.base.files import write_atomic, write_failed
from limacore.base.host import host, kernel
from limacore.errors import HostError, LimaError
from limacore.lifecycle import services
from limacore.lifecycle.guard import existing
from limacore.lifecycle.services import Entry, Step
from limacore.paths import HomePaths

SYSTEMD_IS_HERE = Path("/run/systemd/system")
"""A directory where systemd runs the system."""
_LINGER = Path("/var/lib/systemd/linger")
_LIMIT = 120.0  # seconds; sudo may ask for a password meanwhile
_NAMES = ("limactl", "limatui")


def enable(home: HomePaths, name: str, *, boot: bool = False, user: str = "") -> bool:
    """Have `name` started at login, or at boot (macOS); False when it was so already and was only written again.

    Raises HostError where there is no service manager, or when it refuses."""
    paths = existing(home, name)
    with tempfile.TemporaryDirectory(prefix="lima-autostart-") as folder:
        entry = _entry(home, name, boot=boot, user=user, folder=Path(folder))
        fresh = not entry.path.exists()
        _write(Path(folder) / entry.path.name if entry.as_root else entry.path, entry.text)
        _run(entry.enable, paths.dir)
    return fresh


def registered(home: HomePaths, name: str) -> bool:
    """Whether an entry of `name` exists; raises HostError where there is no service manager."""
    require_supported()
    return bool(_found(home, name))


def unregister(home: HomePaths, name: str) -> bool:
    """Remove the entry of `name`; False when there is none. Raises HostError when the manager refuses.

    Where the manager does not run its files are removed all the same: nobody else would do it."""
    found = _found(home, name)
    for entry in found:
        if supported():
            _run(entry.disable)
        if not entry.as_root:
            _remove(entry.path)
    return bool(found)


def rename(home: HomePaths, old: str, new: str) -> bool:
    """Move the entry of `old` to `new`, which exists by now; False when there is none."""
    found = _found(home, old) if supported() else ()
    for entry in found:
        enable(home, new, boot=entry.as_root)
    return unregister(home, old) or bool(found)


def owner(home: HomePaths, name: str, reported: str) -> Entry | None:
    """The entry that a running instance was started by: `reported` is `autoStartedIdentifier` of its host agent."""
    return next((entry for entry in _found(home, name) if reported and entry.label == reported), None)


def request_start(home: HomePaths, name: str) -> bool:
    """Have the manager start `name`; False when it is not registered, and then nothing is done."""
    found = _found(home, name) if supported() else ()
    for entry in found[:1]:
        _run(entry.start)
    return bool(found)


def request_stop(entry: Entry) -> None:
    """Have the manager stop what it started (`owner`): were it ended otherwise, it would start it again."""
    _run(entry.stop)


def supported() -> bool:
    """Whether this system has a service manager that we know."""
    return kernel() == "darwin" or (kernel() == "linux" and SYSTEMD_IS_HERE.is_dir())


def require_supported() -> None:
    """Raise HostError, in limactl's words, where there is no service manager that we know."""
    if not supported():
        raise HostError(f"autostart is not supported on {kernel()}",
                        hint="this needs systemd" if kernel() == "linux" else "this needs systemd or launchd")


def lingers(folder: Path = _LINGER) -> bool:
    """Whether services of this user run without a login, thus from boot on (systemd)."""
    return (folder / host().user).exists()


def _entry(home: HomePaths, name: str, *, boot: bool, user: str, folder: Path) -> Entry:
    if boot and kernel() != "darwin":
        raise HostError("--condition=boot is only supported on macOS",
                        hint=f"let your services start at boot: loginctl enable-linger {host().user}")
    require_supported()
    entries = _known(home, name, user=user, folder=folder)
    return entries[1] if boot else entries[0]


def _known(home: HomePaths, name: str, *, user: str = "", folder: Path = Path()) -> tuple[Entry, ...]:
    """Every entry that `name` can have on this system: at login, then at boot."""
    program, directory = restart_words(), home.home / name
    elsewhere = "" if home.home == (Path.home() / ".lima").resolve() else str(home.home.absolute())
    if kernel() != "darwin":
        return (services.systemd(name, program, elsewhere),)
    login = services.launchd_login(name, program, directory, os.getuid(), elsewhere)
    # launchd's own directory is closed to us: the text waits in `folder` until sudo installs it.
    written = folder / f"{login.label.replace('autostart', 'daemon')}.plist"
    return (login, services.launchd_boot(name, program, directory, user or host().user, written, elsewhere))


def _found(home: HomePaths, name: str) -> tuple[Entry, ...]:
    return tuple(entry for entry in _known(home, name) if os.path.lexists(entry.path))


def restart_words(called: str = "") -> tuple[str, ...]:
    """The command line of this program, good in any directory."""
    called = called or sys.argv[0]
    found = shutil.which(called) if Path(called).name in _NAMES else None
    return (str(Path(found).absolute()),) if found else (sys.executable, "-m", "limatui")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_failed(path.parent, error) from error
    write_atomic(path, text)


def _remove(path: Path) -> None:
    """Remove the entry, and the link by which systemd had it enabled, should that be left."""
    for each in (path, *path.parent.glob(f"*.wants/{path.name}")):
        try:
            each.unlink(missing_ok=True)
        except OSError as error:
            raise write_failed(each, error) from error


def _run(steps: Sequence[Step], cwd: Path | None = None) -> None:
    for step in steps:
        problem = _problem(step, cwd)
        if problem and not step.may_fail:
            raise problem


def _problem(step: Step, cwd: Path | None) -> LimaError | None:
    try:
        done = subprocess.run(step.argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=cwd,
                              timeout=_LIMIT, check=False, errors="replace")
    except FileNotFoundError:
        return HostError(f"`{step.argv[0]}` is not installed")
    except subprocess.TimeoutExpired:
        return HostError(f"`{' '.join(step.argv)}` did not end within {_LIMIT:.0f} s")
    if not done.returncode:
        return None
    said = done.stderr.strip().splitlines()
    return HostError(f"exit status {done.returncode}", detail=said[-1] if said else "", hint=_hint(done.stderr))


def _hint(said: str) -> str:
    if "bus" in said:
        return ("the services of this user cannot be reached from here: log in as that user (not by su or sudo), or "
                f"let them run always: loginctl enable-linger {host().user}")
    return ""
