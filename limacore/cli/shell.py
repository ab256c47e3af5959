"""shell: become the ssh command."""

from __future__ import annotations

import os
import sys

from limacore.base import notice
from limacore.cli import quickshell
from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.config.load import load
from limacore.errors import HostError, StateError
from limacore.lifecycle.guard import existing
from limacore.lifecycle.shell import argv, guest_shell, locations
from limacore.model.instance import Status
from limacore.store.scan import inspect


def shell(ctx: Context, call: Call) -> None:
    """Execute a shell or a command in an instance."""
    name, words = call.arg(0, "default"), call.args[1:]
    paths = existing(ctx.home, name)
    instance = inspect(ctx.home, name)
    if instance.status is Status.STOPPED:
        raise StateError(f"instance `{name}` is stopped, run `{notice.program()} start {name}` to start the instance")
    config = load(paths.lima_yaml, ctx.home, exists=True).config
    if config is None:
        raise StateError(f"instance `{name}` has no configuration", detail="; ".join(instance.errors))
    quickshell.note(str(ctx.home.home), name, guest_shell(config), locations(config))
    words = words[1:] if words[:1] == ("--",) else words
    _become(argv(paths, config, instance.ssh_port, words, shell=call["shell"], workdir=call["workdir"],
                 tty=sys.stdout.isatty()))


def _become(command: list[str]) -> None:
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise HostError(f"cannot run `{command[0]}`", detail=error.strerror or "",
                        hint="install the OpenSSH client") from error
