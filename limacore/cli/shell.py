"""shell: become the ssh command that opens a shell in a guest."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

from limacore.base import notice, remote
from limacore.base.goquote import ticked
from limacore.cli import quickshell
from limacore.cli.become import become
from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.errors import UsageError
from limacore.lifecycle import environment
from limacore.lifecycle import shell as shells
from limacore.model.config import Config
from limacore.model.instance import Instance, Status

_VERBS = ("create", "start", "delete", "shell")


def shell(ctx: Context, call: Call) -> int | None:
    """Execute a shell or a command in an instance."""
    name, words = _meant(call)
    if words[:1] and words[0] in _VERBS:
        ctx.log("warning", f"Perhaps you meant `{notice.program()} {' '.join(words)}`?")
    instance = _running(ctx, call, name)
    _tell_errors(ctx, instance)
    config, way = shells.configured(instance), shells.route(ctx.home, instance)
    if call["reconnect"]:
        shells.end_master(ctx.home.instance(name), way)
    if call["sync"]:
        from limacore.cli import shellsync

        told = functools.partial(_script, config, call, words)
        return shellsync.synced(ctx, call, shellsync.Session(config, way, told))
    quickshell.note(str(ctx.home.home), name, shells.guest_shell(config), shells.mounts(config), way.words,
                    way.log_level)
    return become(way.argv(_script(config, call, words), tty=sys.stdout.isatty()))


def _meant(call: Call) -> tuple[str, tuple[str, ...]]:
    """The instance, and the command for it: all words with `--instance`; else the first names the instance."""
    if call["instance"]:
        return call["instance"], call.args
    if not call.args and notice.program() == "limactl":
        raise UsageError("requires instance name as first argument")
    words = call.args[1:]
    return call.arg(0, "default"), words[1:] if words[:1] == ("--",) else words


def _running(ctx: Context, call: Call, name: str) -> Instance:
    """The instance, started if it is stopped and the user wants that; raises StateError."""
    instance = shells.known(ctx.home, name)
    may_start = call["start"] if call.given("start") else ctx.tty and sys.stdin.isatty()
    if instance.status.is_down and may_start:
        from limacore.cli.ready import offer_start

        offer_start(ctx, name, call["start"], asked=call.given("start"))
    elif instance.status not in (Status.STOPPED, Status.SUSPENDED, Status.PAUSED):
        return instance
    return shells.entered(ctx.home, name)


def _tell_errors(ctx: Context, instance: Instance) -> None:
    errors = instance.errors
    if errors:
        ctx.log("error", f"Instance {ticked(instance.name)} has configuration errors",
                error=errors[0] if len(errors) == 1 else f"[{' '.join(errors)}]")


def _script(config: Config, call: Call, words: tuple[str, ...], synced: str = "") -> str:
    """What the guest is told to do; `synced` is the directory that a copy of the host's went to."""
    directory = remote.change_directory(shells.mounts(config), cwd=_here(), home=str(Path.home()),
                                        workdir=call["workdir"], synced=synced)
    added = environment.passed(os.environ) if call["preserve-env"] else ()
    return shells.script(config, words, shell=call["shell"], directory=directory, environment=added)


def _here() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return "/"  # the directory was deleted under us
