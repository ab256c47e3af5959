"""shell: become the ssh command."""

from __future__ import annotations

import os
import sys

import click

from limacore.cli import quickshell
from limacore.cli.context import Context
from limacore.config.load import load
from limacore.errors import HostError, StateError
from limacore.lifecycle.guard import existing
from limacore.lifecycle.shell import argv, guest_shell, locations
from limacore.model.instance import Status
from limacore.store.scan import inspect


@click.command("shell", context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False})
@click.option("--shell", default="", metavar="string", help="shell interpreter, e.g. /bin/bash")
@click.option("--workdir", default="", metavar="string", help="working directory in the guest")
@click.argument("name", required=False, default="default", metavar="INSTANCE")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def shell_command(ctx: Context, name: str, command: tuple[str, ...], shell: str, workdir: str) -> None:
    """Execute a shell or a command in an instance."""
    paths = existing(ctx.home, name)
    instance = inspect(ctx.home, name)
    if instance.status is Status.STOPPED:
        raise StateError(f"instance `{name}` is stopped, run `limatui start {name}` to start the instance")
    config = load(paths.lima_yaml, ctx.home, exists=True).config
    if config is None:
        raise StateError(f"instance `{name}` has no configuration", detail="; ".join(instance.errors))
    quickshell.note(str(ctx.home.home), name, guest_shell(config), locations(config))
    words = command[1:] if command[:1] == ("--",) else command
    _become(argv(paths, config, instance.ssh_port, words, shell=shell, workdir=workdir, tty=sys.stdout.isatty()))


def _become(command: list[str]) -> None:
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise HostError(f"cannot run `{command[0]}`", detail=error.strerror or "",
                        hint="install the OpenSSH client") from error
