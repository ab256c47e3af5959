"""create, start, stop, restart, delete, protect, unprotect."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

import click

from limacore.base.gotime import parse_duration
from limacore.cli.context import Context
from limacore.errors import LimaError, UsageError
from limacore.lifecycle import change, create, remove, start, stop
from limacore.lifecycle.guard import existing
from limacore.model.event import Event, EventStatus
from limacore.model.instance import Status
from limacore.paths import InstancePaths, check_instance_name
from limacore.store.scan import inspect
from limacore.templates import catalog

GIB = "GiB"


def _edit_flags(command: Callable[..., None]) -> Callable[..., None]:
    """The flags that change the template of a new instance."""
    for option in (
        click.option("--disk", type=float, metavar="float32", help="disk size in GiB"),
        click.option("--memory", type=float, metavar="float32", help="memory in GiB"),
        click.option("--cpus", type=click.IntRange(min=0), metavar="int", help="number of CPUs"),
        click.option("--plain", is_flag=True, default=None, help="no agent, no mounts, no port forwards"),
        click.option("--name", default="", metavar="string", help="override the instance name"),
    ):
        command = option(command)
    return command


def _changes(cpus: int | None, memory: float | None, disk: float | None, plain: bool | None) -> dict[str, object]:
    wanted = {
        "cpus": cpus,
        "memory": None if memory is None else f"{memory:g}{GIB}",
        "disk": None if disk is None else f"{disk:g}{GIB}",
        "plain": plain,
    }
    return {key: value for key, value in wanted.items() if value is not None}


def resolve(ctx: Context, argument: str, name: str) -> tuple[str, str]:
    """Instance name and template locator meant by the argument of create and start; raises UsageError."""
    if _is_name(argument):
        if argument and name and argument != name:
            raise UsageError(f"instance name `{argument}` and CLI flag --name=`{name}` cannot be specified together")
        chosen = argument or name or "default"
        if argument not in ("", "default") and not (ctx.home.home / argument).exists():
            ctx.log("info", f"Creating an instance `{argument}` from template:default (Not from template:{argument})")
        return chosen, "template:default"
    if argument == "-" and not name:
        raise UsageError("must pass instance name with --name when reading template from stdin")
    return check_instance_name(name or _derived(argument)), argument


def _is_name(argument: str) -> bool:
    if not argument:
        return True
    if any(mark in argument for mark in ":/") or argument == "-":
        return False
    return not argument.lower().endswith((".yml", ".yaml"))


def _derived(locator: str) -> str:
    last = PurePosixPath(locator.rpartition(":")[2]).name
    return last.removesuffix(".yaml").removesuffix(".yml").replace("_", "-")


@click.command("create")
@click.argument("template", required=False, default="", metavar="[FILE.yaml|URL]")
@_edit_flags
@click.option("--list-templates", is_flag=True, help="list available templates and exit")
@click.pass_obj
def create_command(ctx: Context, /, template: str, name: str, list_templates: bool, **flags: object) -> None:
    """Create an instance of Lima."""
    if list_templates:
        click.echo("\n".join(catalog.names(ctx.home)))
        return
    chosen, locator = resolve(ctx, template, name)
    _create(ctx, chosen, locator, flags)
    ctx.log("info", f"Run `limatui start {chosen}` to start the instance.")


def _create(ctx: Context, name: str, locator: str, flags: dict[str, object]) -> InstancePaths:
    changes = _changes(**flags)  # type: ignore[arg-type]
    return ctx.run(create.create(ctx.home, name, locator, report=ctx.report, changes=changes))


@click.command("start")
@click.argument("template", required=False, default="", metavar="[NAME|FILE.yaml|URL]")
@_edit_flags
@click.option("--timeout", default="10m0s", metavar="duration", help="how long to wait until it runs")
@click.pass_obj
def start_command(ctx: Context, /, template: str, name: str, timeout: str, **flags: object) -> None:
    """Start an instance of Lima, creating it when it does not exist."""
    chosen, locator = resolve(ctx, template, name)
    limit = parse_duration(timeout) or start.DEFAULT_TIMEOUT
    if not (ctx.home.home / check_instance_name(chosen)).exists():
        _create(ctx, chosen, locator, flags)
    elif inspect(ctx.home, chosen).status is Status.RUNNING and _is_name(template):
        ctx.log("info", f"The instance `{chosen}` is already running. Run `{_shell(chosen)}` to open the shell.")
        return
    elif not _is_name(template):
        raise UsageError(f"instance `{chosen}` already exists (`{ctx.home.home / chosen}`)",
                         hint=f"start it: limatui start {chosen}")
    else:
        ctx.log("info", f"Using the existing instance `{chosen}`")
        _warn_ignored(ctx, flags)
    _start(ctx, chosen, limit)


def _warn_ignored(ctx: Context, flags: dict[str, object]) -> None:
    for key, value in flags.items():
        if value is not None:
            ctx.log("warning", f"`--{key}` changes nothing: the instance exists; edit its lima.yaml instead")


def _start(ctx: Context, name: str, limit: float) -> None:
    ctx.log("info", f"Starting the instance `{name}` with internal VM driver `qemu`")
    ctx.run(start.start(
        ctx.home, name, report=ctx.report, timeout=limit,
        on_event=lambda event: _tell(ctx, event),
        on_log=lambda level, message: _relay(ctx, level, message),
    ))  # fmt: skip
    ctx.log("info", f"READY. Run `{_shell(name)}` to open the shell.")


def _shell(name: str) -> str:
    return "limatui shell" if name == "default" else f"limatui shell {name}"


def _relay(ctx: Context, level: str, message: str) -> None:
    ctx.log("error" if level in ("fatal", "panic") else level, f"[hostagent] {message}")


def _tell(ctx: Context, event: Event) -> None:
    status = event.status
    if status == EventStatus(ssh_local_port=status.ssh_local_port) and status.ssh_local_port:
        ctx.log("info", f"SSH Local Port: {status.ssh_local_port}")
    for error in status.errors:
        ctx.log("error", error)


@click.command("stop")
@click.argument("names", nargs=-1, metavar="INSTANCE...")
@click.option("-f", "--force", is_flag=True, help="force stop the instance")
@click.pass_obj
def stop_command(ctx: Context, names: tuple[str, ...], force: bool) -> None:
    """Stop instances; without a name: `default`."""
    _each(ctx, names or ("default",), lambda name: _stop(ctx, name, force))


def _stop(ctx: Context, name: str, force: bool) -> None:
    ctx.run(stop.stop(ctx.home, name, force=force, report=ctx.report))
    ctx.log("info", f"The instance {name} has shut down")


def _each(ctx: Context, names: tuple[str, ...], act: Callable[[str], None]) -> None:
    """Do it for every name; what fails is told at the end, the others are done all the same."""
    failures: list[LimaError] = []
    for name in names:
        try:
            act(name)
        except LimaError as error:
            if len(names) == 1:
                raise
            failures.append(error)
    if failures:
        raise LimaError("\n".join(str(each) for each in failures))


@click.command("restart")
@click.argument("name", required=False, default="default", metavar="[INSTANCE]")
@click.option("-f", "--force", is_flag=True, help="force stop the instance, then start it")
@click.pass_obj
def restart_command(ctx: Context, name: str, force: bool) -> None:
    """Restart a running instance."""
    existing(ctx.home, name)
    if inspect(ctx.home, name).status is Status.STOPPED:
        ctx.log("warning", "The instance is not running, continuing with the restart")
    else:
        _stop(ctx, name, force)
    _start(ctx, name, start.DEFAULT_TIMEOUT)


@click.command("delete")
@click.argument("names", nargs=-1, required=True, metavar="INSTANCE...")
@click.option("-f", "--force", is_flag=True, help="also when it runs")
@click.pass_obj
def delete_command(ctx: Context, names: tuple[str, ...], force: bool) -> None:
    """Delete instances."""
    _each(ctx, names, lambda name: _delete(ctx, name, force))


def _delete(ctx: Context, name: str, force: bool) -> None:
    directory = ctx.home.instance(name).dir
    if not directory.exists():
        ctx.log("warning", f"Ignoring non-existent instance `{name}`")
        return
    ctx.run(remove.delete(ctx.home, name, force=force, report=ctx.report))
    ctx.log("info", f"Deleted `{name}` (`{directory}`)")


@click.command("protect")
@click.argument("names", nargs=-1, required=True, metavar="INSTANCE...")
@click.pass_obj
def protect_command(ctx: Context, names: tuple[str, ...]) -> None:
    """Protect instances against accidental removal."""
    _each(ctx, names, lambda name: _protect(ctx, name))


def _protect(ctx: Context, name: str) -> None:
    if change.protect(ctx.home, name):
        ctx.log("info", f"Protected `{name}`")
    else:
        ctx.log("warning", f"Instance `{name}` is already protected. Skipping.")


@click.command("unprotect")
@click.argument("names", nargs=-1, required=True, metavar="INSTANCE...")
@click.pass_obj
def unprotect_command(ctx: Context, names: tuple[str, ...]) -> None:
    """Lift the protection of instances."""
    _each(ctx, names, lambda name: _unprotect(ctx, name))


def _unprotect(ctx: Context, name: str) -> None:
    if change.unprotect(ctx.home, name):
        ctx.log("info", f"Unprotected `{name}`")
    else:
        ctx.log("warning", f"Instance `{name}` isn't protected. Skipping.")
