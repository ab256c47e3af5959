"""shell --sync: a command works on a copy of a host directory, and the user decides what comes back."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from limacore.cli import prompt
from limacore.cli.context import Context
from limacore.cli.output import visible
from limacore.cli.tree import Call
from limacore.errors import HostError, UsageError
from limacore.lifecycle.shell import Route
from limacore.lifecycle.syncing import Changes, Pair, directory
from limacore.model.config import Config

_MENU = ("Yes", "No", "View the changed contents")
_COLORS = {"+": "32", "-": "31", "@": "36"}
_RAW = ("r", "R")
"""The flags by which less lets colours through."""


class Session(Struct, frozen=True):
    """A shell in a guest that was asked for."""

    config: Config
    way: Route
    script: Callable[[str], str]
    """What the guest is told to do, by the directory there that the copy went to."""


def synced(ctx: Context, call: Call, session: Session) -> int:
    """Copy there, run, copy back; returns the exit status of the command. A failed command leaves the guest's copy."""
    here = _checked(call, session.config)
    pair = Pair(here, f"{session.config.user.home.rstrip('/')}{here}", session.way)
    ctx.log("info", f"Syncing host current directory({here}) to guest instance...")
    pair.push()
    ctx.log("info", f"Successfully synced host current directory to guest({pair.there}) instance.")
    command = session.way.argv(session.script(pair.there), tty=sys.stdout.isatty())
    code = _run(command)
    if code:
        return code
    _bring_back(ctx, pair)
    return 0


def _run(command: list[str]) -> int:
    # An interrupt is for the command, which gets it from the terminal as we do; the guest's copy is still ours to mind.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        code = subprocess.run(command, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)
    return code if code >= 0 else 255


def _checked(call: Call, config: Config) -> Path:
    if config.mounts:
        raise UsageError("cannot use `--sync` when the instance has host mounts configured, start the instance with "
                         "`--mount-none` to disable mounts")
    if call["workdir"]:
        raise UsageError("cannot use `--workdir` and `--sync` at the same time")
    if config.vm_type == "wsl2":
        raise UsageError("`--sync` is not supported for wsl2")
    here = directory(call["sync"])
    if not shutil.which("rsync"):
        raise HostError("rsync is required for `--sync`", detail="not found in PATH",
                        hint="install rsync here and in the guest")
    return here


def _bring_back(ctx: Context, pair: Pair) -> None:
    """A refused copy stays in the guest: the work in it may still be wanted."""
    changes = pair.changes() if ctx.tty else None
    if changes == Changes():
        ctx.log("info", "No changes detected")
    elif changes is None or _accepted(pair, changes):
        pair.pull()
        ctx.log("info", "Successfully synced back the changes to host.")
    else:
        ctx.log("info", "Skipping syncing back the changes to host.")
        return
    pair.forget()


def _accepted(pair: Pair, changes: Changes) -> bool:
    while True:
        answer = prompt.choose(f"⚠️ Accept the changes? ({changes})", _MENU)
        if answer != _MENU.index("View the changed contents"):
            return answer == 0
        _view(pair, changes)


def _view(pair: Pair, changes: Changes) -> None:
    with tempfile.TemporaryDirectory(prefix="lima-sync-") as folder:
        pair.pull(Path(folder))
        found = subprocess.run(["diff", "-ruN", "--", str(pair.here), folder], stdin=subprocess.DEVNULL,
                               capture_output=True, text=True, errors="replace", check=False)
    text = f"{changes}\n\n{colored(found.stdout)}"
    pager = pager_words(os.environ)
    try:
        subprocess.run(pager, input=text, text=True, check=False)
    except OSError:
        sys.stdout.write(text)


def colored(difference: str) -> str:
    """A unified diff in colours; what files hold cannot command the terminal."""
    return "".join(_painted(visible(line)) for line in difference.split("\n")).removesuffix("\n")


def _painted(line: str) -> str:
    color = _COLORS.get(line[:1])
    return f"\x1b[{color}m{line}\x1b[0m\n" if color else f"{line}\n"


def pager_words(environ: Mapping[str, str]) -> list[str]:
    """The pager of the user, with the flag that lets less show colours."""
    try:
        words = shlex.split(environ.get("PAGER", "")) or ["less"]
    except ValueError:
        words = ["less"]
    flags = [*words[1:], *environ.get("LESS", "").split()]
    if Path(words[0]).name == "less" and not any(_is_raw(flag) for flag in flags):
        words.append("-R")
    return words


def _is_raw(flag: str) -> bool:
    if flag.startswith("--"):
        return flag.lower() == "--raw-control-chars"
    return any(letter in flag for letter in _RAW)
