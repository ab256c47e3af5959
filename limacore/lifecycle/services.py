"""What a service manager is told so that it starts an instance: unit and plist texts, command lines. Pure.

Source: the entries that Lima 2.x writes, so that either tool finds and removes those of the other."""

from __future__ import annotations

import plistlib
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from limacore import paths

Words = tuple[str, ...]
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/@+:=,~")


class Step(Struct, frozen=True):
    """One command to run; `may_fail`: whether its failure is of no matter."""

    argv: Words
    may_fail: bool = False


class Entry(Struct, frozen=True):
    """How one instance stands in a service manager."""

    path: Path
    """The unit or plist; the instance is registered while it exists."""
    label: str
    """What the manager calls it; a host agent started by it reports this name."""
    text: str
    enable: tuple[Step, ...]
    disable: tuple[Step, ...]
    start: tuple[Step, ...]
    stop: tuple[Step, ...]
    as_root: bool = False
    """Whether the file belongs to the system: it is installed by `enable` and removed by `disable`."""


def systemd(name: str, program: Sequence[str], lima_home: str = "") -> Entry:
    """A unit of systemd's user manager; `lima_home` when it is not the default one."""
    label = paths.systemd_unit_name(name)

    def call(verb: str) -> tuple[Step, ...]:
        return (Step(("systemctl", "--user", verb, label)),)

    return Entry(paths.systemd_unit_dir() / label, label, _unit(program, lima_home),
                 enable=call("enable"), disable=call("disable"), start=call("start"), stop=call("stop"))


def _unit(program: Sequence[str], lima_home: str) -> str:
    command = " ".join(_systemd_word(word.replace("$", "$$")) for word in program)  # only commands expand `$`
    elsewhere = f"Environment={_systemd_word(f'LIMA_HOME={lima_home}')}\n" if lima_home else ""
    return f"""\
[Unit]
Description=Virtual machine %i
Documentation=man:lima(1)

[Service]
ExecStart={command} start %i --foreground
{elsewhere}WorkingDirectory=%h
Type=simple
TimeoutSec=10
Restart=on-failure

[Install]
WantedBy=default.target
"""


def _systemd_word(word: str) -> str:
    """A word as systemd reads it back: `%` is doubled, other than plain characters are quoted."""
    escaped = word.replace("%", "%%")
    if set(word) <= _PLAIN:
        return escaped
    return '"' + escaped.replace("\\", "\\\\").replace('"', '\\"') + '"'


def launchd_login(name: str, program: Sequence[str], directory: Path, uid: int, lima_home: str = "") -> Entry:
    """An agent of launchd that starts the instance when its user logs in."""
    label, path = f"{paths.LAUNCHD_LOGIN}{name}", paths.launchd_login_dir() / f"{paths.LAUNCHD_LOGIN}{name}.plist"
    target = f"gui/{uid}/{label}"
    out = Step(("launchctl", "bootout", target), may_fail=True)
    enable = Step(("launchctl", "enable", target))
    return Entry(path, label, _plist(label, name, program, directory, lima_home), enable=(enable,),
                 disable=(Step(("launchctl", "disable", target)),),
                 start=(out, enable, Step(("launchctl", "bootstrap", f"gui/{uid}", str(path)))),
                 stop=(Step(out.argv),))


def launchd_boot(name: str, program: Sequence[str], directory: Path, user: str, written: Path,
                 lima_home: str = "") -> Entry:
    """A daemon of launchd that starts the instance as `user` at boot; `written` is where its text waits for sudo."""
    label, path = f"{paths.LAUNCHD_BOOT}{name}", paths.LAUNCHD_BOOT_DIR / f"{paths.LAUNCHD_BOOT}{name}.plist"
    target = f"system/{label}"
    sudo = ("sudo", "launchctl")
    out = Step((*sudo, "bootout", target), may_fail=True)
    enable, bootstrap = Step((*sudo, "enable", target)), Step((*sudo, "bootstrap", "system", str(path)))
    install = Step(("sudo", "install", "-m", "644", str(written), str(path)))
    return Entry(path, label, _plist(label, name, program, directory, lima_home, user), as_root=True,
                 enable=(out, install, enable, bootstrap),
                 disable=(out, Step((*sudo, "disable", target)), Step(("sudo", "rm", "-f", str(path)))),
                 start=(out, enable, bootstrap), stop=(Step(out.argv),))


def _plist(label: str, name: str, program: Sequence[str], directory: Path, lima_home: str, user: str = "") -> str:
    entry: dict[str, object] = {
        "Label": label,
        "ProgramArguments": [*program, "start", name, "--foreground"],
        "RunAtLoad": True,
        "StandardErrorPath": "launchd.stderr.log",
        "StandardOutPath": "launchd.stdout.log",
        "WorkingDirectory": str(directory),
        "ProcessType": "Background",
    }
    if lima_home:
        entry["EnvironmentVariables"] = {"LIMA_HOME": lima_home}
    if user:
        entry["UserName"] = user
    return plistlib.dumps(entry, sort_keys=False).decode()
