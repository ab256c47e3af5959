"""The command line: limactl's verbs over the same engine. Families of commands load when one of them is called."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from limacore.base.version import VERSION
from limacore.cli.context import make_context
from limacore.cli.output import LEVELS, Log, visible
from limacore.errors import LimaError, UsageError

_WHERE = {
    "create": "instances:create_command", "start": "instances:start_command", "stop": "instances:stop_command",
    "restart": "instances:restart_command", "delete": "instances:delete_command",
    "protect": "instances:protect_command", "unprotect": "instances:unprotect_command",
    "list": "listing:list_command", "shell": "access:shell_command", "disk": "things:disk_group",
    "validate": "things:validate_command", "info": "things:info_command",
}  # fmt: skip
_ALIASES = {"ls": "list", "rm": "delete", "remove": "delete"}
VERBS = frozenset(_WHERE) | frozenset(_ALIASES)


class _Families(click.Group):
    """Finds a command by name and imports only its family."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_WHERE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        where = _WHERE.get(_ALIASES.get(cmd_name, cmd_name))
        if where is None:
            return None
        family, _, attribute = where.partition(":")
        command: click.Command = getattr(import_module(f"limacore.cli.{family}"), attribute)
        return command


@click.group(cls=_Families, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--log-level", default="", metavar="string", help="trace, debug, info, warn, error, fatal, panic")
@click.option("--log-format", default="text", metavar="string", help="text or json")
@click.option("--debug", is_flag=True, help="the same as --log-level debug")
@click.option("--tty/--yes", "tty", default=None, help="ask, or proceed without asking")
@click.option("-y", "yes", is_flag=True, help="the same as --yes")
@click.version_option(VERSION, "-v", "--version", message="limatui version %(version)s")
@click.pass_context
def cli(ctx: click.Context, log_level: str, log_format: str, debug: bool, tty: bool | None, yes: bool) -> None:
    """Linux virtual machines: `limatui` alone opens the dashboard."""
    if log_format not in ("text", "json"):
        raise UsageError(f"unsupported log-format: `{log_format}`")
    level = log_level.lower() or ("debug" if debug else "info")
    level = {"warn": "warning"}.get(level, level)
    if level not in LEVELS:
        raise UsageError(f'not a valid logrus Level: "{log_level}"')
    ctx.obj = make_context(level, log_format, False if yes else tty)


def main(argv: Sequence[str]) -> int:
    """Run one command line; returns its exit status. Errors become one line on stderr, never a traceback."""
    log = Log()
    try:
        result = cli.main(list(argv), prog_name="limatui", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        log("fatal", _click_message(error))
        return 1
    except LimaError as error:
        log("fatal", visible(str(error)))
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 1


def _click_message(error: click.ClickException) -> str:
    if isinstance(error, click.NoSuchOption):
        return f"unknown flag: {error.option_name}"
    if isinstance(error, click.MissingParameter):
        return f"{error.format_message()} See `{error.ctx.command_path if error.ctx else 'limatui'} --help`."
    return error.format_message()
