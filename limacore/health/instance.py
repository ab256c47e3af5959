"""One instance as it stands on disk: its lima.yaml, its age, its directory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from limacore.base import notice
from limacore.base.version import COMPATIBLE, version_key
from limacore.config.load import Loaded
from limacore.errors import HostError, LimaError
from limacore.model.config import Problem
from limacore.model.finding import Finding, Severity
from limacore.model.instance import Instance
from limacore.paths import HomePaths, InstancePaths, check_socket_length


def config(paths: InstancePaths, loaded: Loaded | LimaError) -> Iterator[Finding]:
    """Every problem of lima.yaml."""
    subject = f"instance {paths.name}"
    if isinstance(loaded, LimaError):
        yield Finding(id="config-unreadable", severity=Severity.ERROR, subject=subject, what="lima.yaml cannot be read",
                      evidence=(str(loaded),), why="it cannot be started", fix=loaded.hint or "correct that file")
        return
    yield from (_problem(each, paths, subject) for each in loaded.problems)


def _problem(problem: Problem, paths: InstancePaths, subject: str) -> Finding:
    error = problem.severity == "error"
    place = f"{paths.lima_yaml}:{problem.line}:{problem.column}" if problem.line else f"{paths.lima_yaml}"
    return Finding(id="config-invalid" if error else "config-warning", subject=subject, what=problem.message,
                   severity=Severity.ERROR if error else Severity.WARNING, evidence=(place,),
                   why="it cannot be started" if error else "",
                   fix=problem.hint or f"{notice.program()} edit {paths.name}")


def age(paths: InstancePaths, instance: Instance) -> Iterator[Finding]:
    """An instance made by a Lima that is newer than the one we are like."""
    if instance.lima_version and version_key(instance.lima_version)[:2] > version_key(COMPATIBLE)[:2]:
        yield Finding(id="newer-lima", severity=Severity.WARNING, subject=f"instance {paths.name}",
                      what=f"it was made by Lima {instance.lima_version}",
                      evidence=(f"`{paths.lima_version}`; this program is like Lima {COMPATIBLE}",),
                      why="its lima.yaml may ask for what is not known here", fix="update limatui")


def directory(paths: InstancePaths) -> Iterator[Finding]:
    """The directory itself: a name too long for sockets, or one that others own."""
    subject = f"instance {paths.name}"
    try:
        check_socket_length(paths.dir)
    except HostError as error:
        yield Finding(id="path-too-long", severity=Severity.ERROR, subject=subject, what="its path is too long",
                      evidence=(error.message,), why="its sockets cannot be made",
                      fix="rename it, or set LIMA_HOME to a shorter directory")
    if not os.access(paths.dir, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(id="instance-not-writable", severity=Severity.ERROR, subject=subject,
                      what="its directory cannot be written",
                      evidence=(f"`{paths.dir}` belongs to user {paths.dir.stat().st_uid}",),
                      why="it cannot be started", fix=f"sudo chown -R \"$USER\" '{paths.dir}'")


def strangers(home: HomePaths, names: Iterable[str]) -> Iterator[Finding]:
    """Directories of the home that are no instances."""
    for name in names:
        if not os.path.lexists(home.home / name / "lima.yaml"):
            yield Finding(id="not-an-instance", severity=Severity.WARNING, subject="home",
                          what=f"the directory `{name}` is no instance",
                          evidence=(f"`{home.home / name}` has no lima.yaml",),
                          why="each `list` warns of it", fix="move it elsewhere, if it is yours")
