"""Networks of modes shared, host and bridged (macOS): socket_vmnet as root, by rules for sudo."""

from __future__ import annotations

import contextlib
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from limacore.base import notice
from limacore.base.goquote import ticked
from limacore.base.proc import identity, missing_program
from limacore.errors import HostError, StateError
from limacore.model.network import USER_V2, NamedNetwork, Networks, vmnet_socket
from limacore.paths import HomePaths

_USER, _GROUP = "root", "wheel"
_PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds between attempts: a socket_vmnet that starts while another ends may give up at once."""

UP_TIME, DOWN_TIME = 30.0, 5.0
"""Seconds until it has written its pid file, and in which it must end."""

_LOOK = 0.05


def pid_file(config: Networks, name: str) -> Path:
    """Where socket_vmnet writes its process id."""
    return Path(config.paths.var_run) / f"{name}_socket_vmnet.pid"


def make_directory(config: Networks) -> list[str]:
    """The command that makes the run directory."""
    return ["/bin/mkdir", "-m", "775", "-p", config.paths.var_run]


def start_command(config: Networks, name: str) -> list[str]:
    """The command that runs a network."""
    network = config.networks[name]
    return [
        config.paths.socket_vmnet, f"--pidfile={pid_file(config, name)}", f"--socket-group={config.group}",
        f"--vmnet-mode={network.mode}", *_addresses(network), str(vmnet_socket(config.paths, name)),
    ]  # fmt: skip


def _addresses(network: NamedNetwork) -> list[str]:
    if network.mode == "bridged":
        return [f"--vmnet-interface={network.interface}"]
    return [f"--vmnet-gateway={network.gateway}", f"--vmnet-dhcp-end={network.dhcp_end}",
            f"--vmnet-mask={network.netmask}"]


def stop_command(config: Networks, name: str) -> list[str]:
    """The command that ends a network."""
    return ["/usr/bin/pkill", "-F", str(pid_file(config, name))]


def by_sudo(command: list[str]) -> list[str]:
    """A command as root, without a question for a password."""
    return ["sudo", "--user", _USER, "--group", _GROUP, "--non-interactive", *command]


def sudoers(config: Networks) -> str:
    """The rules that allow these commands and no others; a file with them must have just this text."""
    allowed = f"%{config.group} ALL=({_USER}:{_GROUP}) NOPASSWD:NOSETENV:"
    installed = Path(config.paths.socket_vmnet).exists()
    lines = [f"{allowed} {' '.join(make_directory(config))}"]
    for name in sorted(name for name, each in config.networks.items() if each.mode != USER_V2):
        lines += ["", f'# Manage "{name}" network daemons']
        if installed:
            lines += ["", f"{allowed} \\", f"    {' '.join(start_command(config, name))}, \\",
                      f"    {' '.join(stop_command(config, name))}"]
    return "\n".join(lines) + "\n"


def unsafe(path: Path, groups: tuple[int, ...] = (0,)) -> str:
    """Why a path must not be used as root: the first of its parts that others could change; nothing when none is."""
    if not path.is_absolute() or " " in str(path):
        return f"{ticked(str(path))} is no absolute path without spaces"
    for part in (*reversed(path.parents), path):
        try:
            found = part.lstat()
        except FileNotFoundError:
            return ""  # what is not there yet is made by root
        if problem := _problem(found.st_mode, found.st_uid, found.st_gid, groups):
            return f"{ticked(str(part))} {problem}"
    return ""


def _problem(mode: int, uid: int, gid: int, groups: tuple[int, ...]) -> str:
    if stat.S_ISLNK(mode):
        return "is a symbolic link"
    if uid:
        return "is not owned by root"
    if mode & stat.S_IWOTH:
        return "can be written to by everybody"
    return "can be written to by a group" if mode & stat.S_IWGRP and gid not in groups else ""


def check(config: Networks, file: Path | None = None) -> None:
    """Raise HostError unless the rules are installed as they should be, or no password is asked for anyway."""
    file = file or Path(config.paths.sudoers)
    program = notice.program()
    hint = f"{program} sudoers >etc_sudoers.d_lima && sudo install -o root etc_sudoers.d_lima {file}"
    try:
        if file.read_text() == sudoers(config):
            return
        problem = f"it is not what `{program} sudoers` prints now"
    except OSError as error:
        problem = error.strerror or str(error)
    if _run(by_sudo(["true"])):
        raise HostError(f"sudoers file {ticked(str(file))} cannot be used", detail=problem, hint=hint)


def start(home: HomePaths, config: Networks, name: str) -> None:
    """Make sure that a network runs; raises HostError, StateError."""
    if running(config, name):
        return
    for path, groups in ((config.paths.socket_vmnet, (0,)), (config.paths.var_run, (0, 1))):
        if problem := unsafe(Path(path), groups):
            raise HostError(f"network {ticked(name)} cannot be run as root", detail=problem,
                            hint=f"correct `paths` in {home.networks_yaml}")
    check(config)
    launch(home, config, name)


def running(config: Networks, name: str) -> int:
    """The process of a network; 0 when there is none."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(pid_file(config, name).read_text())
        return pid if identity(pid) else 0
    return 0


def launch(home: HomePaths, config: Networks, name: str) -> None:
    """Start a network without looking for reasons against it; raises HostError, StateError."""
    if failed := _run(by_sudo(make_directory(config))):
        raise HostError(f"cannot make `{config.paths.var_run}`", detail=failed)
    home.networks.mkdir(mode=0o755, parents=True, exist_ok=True)
    for pause in (*_PAUSES, None):
        try:
            _once(home, config, name)
            return
        except HostError:
            if pause is None:
                raise
            time.sleep(pause)


def _once(home: HomePaths, config: Networks, name: str) -> None:
    log, words = (home.networks / f"{name}_socket_vmnet.{stream}.log" for stream in ("stdout", "stderr"))
    with log.open("wb") as out, words.open("wb") as err:
        process = subprocess.Popen(by_sudo(start_command(config, name)), stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=err, cwd="/", start_new_session=True)
    for _ in _looks(UP_TIME):
        if pid_file(config, name).exists():
            return
        if process.poll() is not None:
            raise HostError(f"network {ticked(name)} cannot be started", detail=_last_line(words),
                            hint=f"see {words}")
    process.kill()
    raise StateError(f"network {ticked(name)} did not come up within {UP_TIME:.0f} s", hint=f"see {words}")


def stop(config: Networks, name: str) -> None:
    """Make sure that a network does not run; raises HostError."""
    if not running(config, name):
        return
    if failed := _run(by_sudo(stop_command(config, name))):
        raise HostError(f"network {ticked(name)} cannot be stopped", detail=failed)
    for _ in _looks(DOWN_TIME):
        if not running(config, name):
            return


def _looks(seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(_LOOK)


def _run(command: list[str]) -> str:
    """Why a command failed; nothing when it did not."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise missing_program(command[0]) from error
    return "" if done.returncode == 0 else done.stderr.strip() or f"exit status {done.returncode}"


def _last_line(file: Path) -> str:
    return next(iter(file.read_text(errors="replace").splitlines()[-1:]), "")
