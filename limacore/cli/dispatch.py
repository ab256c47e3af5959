"""From words to the function that answers them: hooks that come before, errors that come after."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import msgspec

from limacore.base import notice, version
from limacore.cli import plugins, streams
from limacore.cli.commands import ROOT
from limacore.cli.context import Context, warn_root
from limacore.cli.output import LEVELS, Log, show_notices, visible
from limacore.cli.pflag import Flag, parse
from limacore.cli.tree import Call, Command, Found, call, find
from limacore.errors import HostError, InterruptedByUserError, LimaError, UsageError

_HELP = Flag("help", "bool", "help about the command", "h")
_COLLECTING = 200_000, 50, 10
"""Looking for cycles as often as Python does took three quarters of the time that a template of 3 MB needs."""
_VERSION = Flag("version", "bool", "the version", "v")


def run(argv: Sequence[str], program: str) -> int:
    """Run one command line; returns its exit status. Errors become one line on stderr, never a traceback."""
    notice.call_it(program)
    gc.set_threshold(*_COLLECTING)
    streams.as_utf8()
    log = Log()
    show_notices(log)
    try:
        return _flushed(_answer(list(argv), log))
    except BrokenPipeError:
        streams.discard(sys.stdout)
        return 1
    except subprocess.CalledProcessError as error:
        return error.returncode if 0 <= error.returncode < 255 else 255  # its own words are on stderr already
    except LimaError as error:
        log("fatal", visible(words_of(error)))
        return _status(error)
    except RecursionError:
        log("fatal", "the input is nested too deeply")
        return 1
    except UnicodeEncodeError as error:
        log("fatal", f"a name on disk is not UTF-8 text: {visible(error.object)}")
        return 1
    except OSError as error:  # every place that knows more of it says so in words of its own
        log("fatal", visible(_words_of_system(error)))
        return 1


def _flushed(code: int) -> int:
    streams.out()
    return code


def _words_of_system(error: OSError) -> str:
    """The file and the reason, as limactl says it."""
    reason = (error.strerror or str(error)).lower()
    return f"{error.filename}: {reason}" if error.filename else reason


def words_of(error: LimaError) -> str:
    """What is said of an error; a hint of ours is added unless we answer as limactl, whose words scripts compare."""
    text = ": ".join(part for part in (error.message, error.detail) if part)
    return text if as_limactl() or not error.hint else f"{text} (hint: {error.hint})"


def as_limactl() -> bool:
    """Whether we were called by that name."""
    return notice.program() == "limactl"


def _status(error: LimaError) -> int:
    if isinstance(error, InterruptedByUserError) and as_limactl():
        return 1
    return error.exit_code


def _answer(words: list[str], log: Log) -> int:
    if words[:1] == ["yq"]:
        return _code("yq:main", words[1:])  # yq's own flags, none of ours
    if words[:1] in (["__complete"], ["__completeNoDesc"]):
        return _code("completion:answer", words[1:], words[0] == "__complete")
    if words[:1] == ["help"]:
        return _code("help:topic", with_flags(ROOT), words[1:])
    root = plugins.with_plugins(with_flags(ROOT), words)
    found = find(_bare(root), words)
    if found.command.run.startswith("plugins:"):
        return _plugin(found, words, log)
    if found.command.deprecated:
        told = found.command.deprecated.format(notice.program())
        print(f'Command "{found.command.name}" is deprecated, {told}', file=sys.stderr)
    return _run(msgspec.structs.replace(root), found, log)


def _run(root: Command, found: Found, log: Log) -> int:
    if not found.path:
        found = msgspec.structs.replace(found, command=root)
    own = msgspec.structs.replace(root, flags=(*ROOT.flags, _HELP)) if found.path else root
    request = call(own, found)
    if not found.path and request["version"]:
        streams.out(version.line(notice.program()) + "\n")
        return 0
    if request["help"] or not found.command.run:
        return _code("help:show", found, request)
    context = prepare(request, log)
    return _code(found.command.run, context, request)


def with_flags(root: Command) -> Command:
    """The root with the flags that it alone has."""
    return msgspec.structs.replace(root, flags=(*ROOT.flags, _HELP, _VERSION))


def _bare(root: Command) -> Command:
    """The root as it looks for commands: help and version are not known by then, so they take a word like others."""
    return msgspec.structs.replace(root, flags=ROOT.flags)


def _code(where: str, *given: object) -> int:
    """The exit status of the function `family:name`; None of it means 0."""
    family, _, name = where.partition(":")
    function: Callable[..., int | None] = getattr(import_module(f"limacore.cli.{family}"), name)
    return function(*given) or 0


def prepare(request: Call, log: Log) -> Context:
    """What comes before each command: the log as asked for, whether to ask questions, warnings."""
    set_log(request, log)
    warn_root(log)
    _require_home()
    if request.given("tty") and request.given("yes"):
        raise UsageError("cannot use both --tty and --yes flags at the same time")
    if request["yes"] and request.path[:1] in (("clone",), ("edit",), ("rename",)):
        log("warning", "--yes flag is deprecated (--tty=false is still supported and works in the same way. "
                       "Also consider using --start)")
    asked = bool(request["tty"]) if request.given("tty") else False if request["yes"] else None
    return Context(log, tty=sys.stdout.isatty() if asked is None else asked, asked_for_tty=asked)


def _require_home() -> None:
    """A user that the system does not know has no home but the one that `$HOME` says."""
    try:
        Path.home()
    except RuntimeError:
        raise HostError("$HOME is not defined", hint="set HOME to a directory of yours") from None


def set_log(request: Call, log: Log) -> None:
    """Apply --debug, --log-level and --log-format; raises UsageError."""
    level = request["log-level"].lower() or ("debug" if request["debug"] else "info")
    level = {"warn": "warning"}.get(level, level)
    if level not in LEVELS:
        raise UsageError(f'not a valid logrus Level: "{request["log-level"]}"')
    if request["log-format"] not in ("text", "json"):
        raise UsageError(f"unsupported log-format: `{request['log-format']}`")
    log.level, log.style = level, request["log-format"]


def _plugin(found: Found, words: list[str], log: Log) -> int:
    """Flags before the name of a plugin are ours, all after it are its own."""
    name = found.command.name
    at = _place(words, name)
    parsed = parse(words[:at], ROOT.flags)
    set_log(Call((name,), (), parsed.values, frozenset(parsed.given)), log)
    return plugins.run(found.command, words[at + 1:], log)


def _place(words: list[str], name: str) -> int:
    """Where the name stands: the first word of it that no flag takes."""
    only = Command("", "", flags=ROOT.flags, commands=(Command(name, ""),))
    return next(at for at, word in enumerate(words) if word == name and find(only, words[: at + 1]).path)
