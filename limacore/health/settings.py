"""Files of the home that concern every instance: networks.yaml, default.yaml, override.yaml, autostart entries."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from limacore import paths
from limacore.base import notice, yamlio
from limacore.config.load import side_file
from limacore.errors import LimaError
from limacore.health.place import HOME
from limacore.model.finding import Finding, Severity
from limacore.paths import HomePaths


def networks(home: HomePaths) -> Iterator[Finding]:
    """A networks.yaml that cannot be read stops every start and stop in limactl."""
    if not home.networks_yaml.exists():
        return
    try:
        found = yamlio.load(yamlio.read(home.networks_yaml), str(home.networks_yaml))
    except LimaError as error:
        yield _unusable("networks-unusable", home.networks_yaml, str(error))
    else:
        if not isinstance(found, dict | None):
            yield _unusable("networks-unusable", home.networks_yaml, "it is no mapping of fields")


def _unusable(id: str, path: Path, reason: str) -> Finding:
    return Finding(id=id, severity=Severity.ERROR, subject=HOME, what=f"{path.name} cannot be used", evidence=(reason,),
                   why="it is read before each start", fix=f"correct `{path}`, or move it away: it is made anew")


def layers(home: HomePaths) -> Iterator[Finding]:
    """Problems of the files that are merged into every lima.yaml."""
    for path in (home.default_yaml, home.override_yaml):
        for problem in side_file(path).problems:
            error = problem.severity == "error"
            yield Finding(id=f"{path.stem}-yaml", severity=Severity.ERROR if error else Severity.WARNING, subject=HOME,
                          what=problem.message, evidence=(f"`{path}`",),
                          why="it is merged into every instance" + (": none can be used" if error else ""),
                          fix=problem.hint or f"correct `{path}`")


def autostart(home: HomePaths) -> Iterator[Finding]:
    """Units of systemd that start what is not there, or by a program that is not there."""
    for name, unit in paths.systemd_units().items():
        lines = unit.read_text(errors="replace").splitlines() if unit.is_file() else []
        if not _concerns(home, lines):
            continue
        program = _program(lines)
        if not (home.home / name).is_dir():
            yield Finding(id="autostart-of-nothing", severity=Severity.WARNING, subject=HOME,
                          what=f"instance `{name}` is started at login and does not exist", evidence=(f"`{unit}`",),
                          why="the service fails at each login",
                          fix=f"systemctl --user disable {unit.name}; rm '{unit}'")
        elif program and not shutil.which(program):
            yield Finding(id="autostart-program", severity=Severity.ERROR, subject=f"instance {name}",
                          what="it cannot start at login: the program is gone",
                          evidence=(f"`{unit}` calls `{program}`",), fix=f"{notice.program()} autostart enable {name}")


def _concerns(home: HomePaths, lines: list[str]) -> bool:
    """Whether a unit is for this home: it names it, or names none and this is the default one."""
    named = [line for line in lines if "LIMA_HOME=" in line]
    if named:
        return str(home.home) in named[0]
    return home.home == (Path.home() / ".lima").resolve()


def _program(lines: list[str]) -> str:
    command = next((line.removeprefix("ExecStart=") for line in lines if line.startswith("ExecStart=")), "")
    try:
        return next(iter(shlex.split(command)), "").replace("%%", "%").replace("$$", "$")
    except ValueError:
        return ""
