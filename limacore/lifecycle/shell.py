"""The ssh command that runs something in a guest, as `limactl shell` makes it."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from limacore.model.config import Config
from limacore.paths import InstancePaths
from limacore.ssh.options import common_options

_ASSIGNMENT = re.compile(r"[^=]*=")


def argv(
    paths: InstancePaths,
    config: Config,
    port: int,
    command: Sequence[str] = (),
    *,
    shell: str = "",
    workdir: str = "",
    tty: bool,
) -> list[str]:
    """The complete ssh argv; `command` empty means a login shell."""
    script = remote_script(config, command, shell=shell, workdir=workdir, cwd=os.getcwd(), home=str(Path.home()))
    options = [word for option in common_options(paths, config) for word in ("-o", option)]
    color = ["-o", "SendEnv=COLORTERM"] if "COLORTERM" in os.environ else []
    terminal = ["-t"] if tty else []
    return [
        *_ssh(), "-F", "/dev/null", *options, *terminal, *color,
        "-o", "LogLevel=ERROR", "-p", str(port), "127.0.0.1", "--", script,
    ]  # fmt: skip


def _ssh() -> list[str]:
    return shlex.split(os.environ.get("SSH", "")) or ["ssh"]


def remote_script(config: Config, command: Sequence[str], *, shell: str, workdir: str, cwd: str, home: str) -> str:
    """The text that the guest's login shell runs: change directory, then exec a login shell with the command."""
    chosen = shlex.quote(shell) if shell else config.user.shell or '"$SHELL"'
    script = f"{_change_directory(config, workdir, cwd, home)} ; exec {chosen} -l"
    return f"{script} -c {shlex.quote(quoted(command))}" if command else script


def _change_directory(config: Config, workdir: str, cwd: str, home: str) -> str:
    if workdir:
        return f"cd {shlex.quote(workdir)} || exit 1"
    if _mounted(config, cwd):
        return f"cd {shlex.quote(cwd)} || cd {shlex.quote(home)}"
    return f"cd {shlex.quote(home)}" if _mounted(config, home) else "false"


def _mounted(config: Config, directory: str) -> bool:
    real = os.path.realpath(directory)
    locations = (os.path.realpath(mount.location) for mount in config.mounts)
    return any(real == place or real.startswith(place.rstrip("/") + "/") for place in locations)


def quoted(command: Sequence[str]) -> str:
    """POSIX-quoted words; leading `KEY=value` words stay assignments."""
    words: list[str] = []
    for word in command:
        match = _ASSIGNMENT.match(word) if len(words) == sum("=" in each for each in words) else None
        if match:
            words.append(match.group() + shlex.quote(word[match.end():]))
        else:
            words.append(shlex.quote(word))
    return " ".join(words)
