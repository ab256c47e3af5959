"""The ssh command that runs something in a guest, as `limactl shell` makes it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from limacore.base import remote
from limacore.model.config import Config
from limacore.paths import InstancePaths
from limacore.ssh.options import common_options


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
    script = remote.script(
        tuple(command), shell=remote.quote(shell) if shell else guest_shell(config), locations=locations(config),
        workdir=workdir, cwd=os.getcwd(), home=str(Path.home()),
    )  # fmt: skip
    options = [word for option in common_options(paths, config) for word in ("-o", option)]
    color = ["-o", "SendEnv=COLORTERM"] if "COLORTERM" in os.environ else []
    terminal = ["-t"] if tty else []
    return [
        *_ssh(), "-F", "/dev/null", *options, *terminal, *color,
        "-o", "LogLevel=ERROR", "-p", str(port), "127.0.0.1", "--", script,
    ]  # fmt: skip


def guest_shell(config: Config) -> str:
    """The login shell of the guest's user, as it stands in a script."""
    return config.user.shell or '"$SHELL"'


def locations(config: Config) -> tuple[str, ...]:
    """The host directories that the guest has mounted."""
    return tuple(mount.location for mount in config.mounts)


def _ssh() -> list[str]:
    return shlex.split(os.environ.get("SSH", "")) or ["ssh"]
