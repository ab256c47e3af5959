"""create and start: from a name or a template to an instance that runs."""

from __future__ import annotations

import os

from msgspec import Struct

from limacore.base import notice, yq
from limacore.base.goquote import ticked
from limacore.cli import edit, prompt
from limacore.cli.context import Context
from limacore.cli.ready import shell_command, start_existing
from limacore.cli.tree import Call
from limacore.config.load import load
from limacore.drivers import catalog as drivers
from limacore.errors import AlreadyExistsError, ConfigError, InterruptedByUserError, LimaError, UsageError
from limacore.lifecycle import create as creating
from limacore.lifecycle import edit as editing
from limacore.lifecycle import start as starting
from limacore.model.instance import Status
from limacore.paths import HomePaths, check_identifier, check_instance_name
from limacore.store.scan import inspect
from limacore.templates import catalog, embed

_GONE = {
    "experimental/vz": "was merged into the default template in Lima v1.0. See also "
                       "<https://lima-vm.io/docs/config/vmtype/>.",
    "experimental/riscv64": "was merged into the default template in Lima v1.0. Use `{0} create --arch=riscv64 "
                            "template:default` instead. See also <https://lima-vm.io/docs/config/multi-arch/>.",
    "experimental/armv7l": "was merged into the default template in Lima v1.0. Use `{0} create --arch=armv7l "
                           "template:default` instead. See also <https://lima-vm.io/docs/config/multi-arch/>.",
    "vmnet": "was removed in Lima v1.0. Use `{0} create --network=lima:shared template:default` instead. See also "
             "<https://lima-vm.io/docs/config/network/>.",
    "experimental/net-user-v2": "was removed in Lima v1.0. Use `{0} create --network=lima:user-v2 template:default` "
                                "instead. See also <https://lima-vm.io/docs/config/network/>.",
    "experimental/9p": "was removed in Lima v1.0. Use `{0} create --vm-type=qemu --mount-type=9p template:default` "
                       "instead. See also <https://lima-vm.io/docs/config/mount/>.",
    "experimental/virtiofs-linux": "was removed in Lima v1.0. Use `{0} create --mount-type=virtiofs template:default` "
                                   "instead. See also <https://lima-vm.io/docs/config/mount/>.",
}
_MENU = (
    "Proceed with the current configuration",
    "Open an editor to review or modify the current configuration",
    "Choose another template (docker, podman, archlinux, fedora, ...)",
    "Exit",
)


class Meant(Struct, frozen=True):
    """What the argument of create and start means: an instance name, and the template for a new one."""

    name: str
    locator: str
    by_name: bool
    """The argument is a name, so an instance of that name is meant when there is one."""


def create(ctx: Context, call: Call) -> None:
    """Create an instance."""
    if _listed(ctx, call):
        return
    meant = resolve(ctx, call)
    if exists(ctx.home, meant.name):
        if meant.by_name:
            require_readable(ctx, meant.name)
        raise AlreadyExistsError(f"instance {ticked(meant.name)} already exists")
    _create(ctx, call, meant)
    ctx.log("info", f"Run `{notice.program()} start {meant.name}` to start the instance.")


def start(ctx: Context, call: Call) -> None:
    """Start an instance, creating it when there is none of that name."""
    if _listed(ctx, call):
        return
    if len(call.args) > 1:
        from limacore.cli.startall import start_all

        start_all(ctx, call)
        return
    meant = resolve(ctx, call)
    if not exists(ctx.home, meant.name):
        _create(ctx, call, meant)
    elif meant.by_name:
        if runs(ctx, meant.name):
            return
        require_readable(ctx, meant.name)
        ctx.log("info", f"Using the existing instance {ticked(meant.name)}")
        apply_flags(ctx, call, meant.name)
    else:
        raise AlreadyExistsError(f"instance {ticked(meant.name)} already exists (`{ctx.home.home / meant.name}`)",
                                 hint=f"start it: {notice.program()} start {meant.name}")
    if call["foreground"]:
        ctx.run(starting.foreground(ctx.home, meant.name, report=ctx.report))
    start_existing(ctx, meant.name, limit=call["timeout"], strict=call["strict"], progress=call["progress"])


def _listed(ctx: Context, call: Call) -> bool:
    names = catalog.names(ctx.home) if call["list-templates"] else drivers.names() if call["list-drivers"] else None
    if names is not None:
        ctx.out("".join(f"{name}\n" for name in names))
    return names is not None


def resolve(ctx: Context, call: Call) -> Meant:
    """What the argument and `--name` mean; raises UsageError."""
    argument, name = call.arg(0), call["name"]
    if name:
        check_instance_name(name)
    if is_name(argument):
        return _by_name(ctx, argument, name)
    if argument == "-":
        if not name:
            raise UsageError("must pass instance name with --name when reading template from stdin")
        if ctx.asked_for_tty:
            raise UsageError("cannot use --tty=true when reading template from stdin")
        ctx.tty = False
    _warn_gone(ctx, argument)
    return Meant(name or check_instance_name(embed.name_of(argument)), argument, False)


def _by_name(ctx: Context, argument: str, name: str) -> Meant:
    if argument and name and argument != name:
        raise UsageError(f"instance name {ticked(argument)} and CLI flag --name={ticked(name)} "
                         "cannot be specified together")
    chosen = argument or name or "default"
    if argument not in ("", "default") and not exists(ctx.home, chosen):
        ctx.log("info", f"Creating an instance {ticked(chosen)} from template:default (Not from template:{chosen})")
        ctx.log("warning", f"This form is deprecated. Use `{notice.program()} create --name={chosen} "
                           "template:default` instead")
    return Meant(chosen, "template:default", True)


def is_name(argument: str) -> bool:
    """Whether an argument can only be the name of an instance, not a template; so is none at all."""
    try:
        return not argument or check_identifier(argument) == check_instance_name(argument)
    except UsageError:
        return False


def _warn_gone(ctx: Context, locator: str) -> None:
    name = locator.removeprefix("template:").removeprefix("//")
    if name != locator and name in _GONE:
        ctx.log("warning", f"template:{name} " + _GONE[name].format(notice.program()))


def exists(home: HomePaths, name: str) -> bool:
    """Whether there is an instance; a directory without lima.yaml is none, nor is a home that is a file a home."""
    try:
        os.lstat(home.home / name / "lima.yaml")
    except FileNotFoundError:
        return False
    except NotADirectoryError:
        return not home.home.is_dir()
    return True


def runs(ctx: Context, name: str) -> bool:
    """Whether the instance runs already; that is told."""
    if inspect(ctx.home, name).status is not Status.RUNNING:
        return False
    notice.info(f"The instance {ticked(name)} is already running. Run `{shell_command(name)}` to open the shell.")
    return True


def require_readable(ctx: Context, name: str) -> None:
    """Tell the errors of a lima.yaml; raises ConfigError when it cannot be used."""
    instance = inspect(ctx.home, name)
    if not instance.errors:
        return
    fields = {"error": instance.errors[0]} if len(instance.errors) == 1 else {"error": f"[{' '.join(instance.errors)}]"}
    notice.error(f'Instance "{name}" has configuration errors', **fields)
    if load(ctx.home.instance(name).lima_yaml, ctx.home, exists=True).config is None:
        raise ConfigError(f'instance "{name}" has configuration errors', detail="\n".join(instance.errors))


def _create(ctx: Context, call: Call, meant: Meant) -> None:
    text = _reviewed(ctx, call, meant)
    try:
        ctx.run(creating.create_from_text(ctx.home, meant.name, text, report=ctx.report))
    except ConfigError as error:
        if not ctx.tty:
            raise
        raise edit.rejected(text, error) from error


def _reviewed(ctx: Context, call: Call, meant: Meant) -> str:
    """The text of the template with the flags applied, and on a terminal as the user wants it."""
    text = _embedded(ctx, meant.locator)
    expression = edit.edit_expression(ctx, call, new=True, text=text)
    _tell_no_terminal(ctx)
    if not ctx.tty:
        return yq.evaluate(expression, text)
    return _asked(ctx, call, meant, yq.evaluate(expression, text))


def _embedded(ctx: Context, locator: str) -> str:
    try:
        return embed.read(locator, ctx.home)
    except LimaError as error:
        if not error.message.startswith("don't know how to interpret"):
            raise
        _tell_no_terminal(ctx)
        raise ConfigError("got empty instConfig", hint="the template must not be empty") from None


def _tell_no_terminal(ctx: Context) -> None:
    if not ctx.tty:
        ctx.log("info", "Terminal is not available, proceeding without opening an editor")


def _asked(ctx: Context, call: Call, meant: Meant, text: str) -> str:
    try:
        answer = prompt.choose(f"Creating an instance {ticked(meant.name)}", _MENU)
        if answer == 1:
            return edit.in_editor(ctx, text, meant.name)
        if answer == 2:
            return _another(ctx, call, meant)
    except prompt.NoTerminalError as error:
        ctx.log("warning", "Failed to open TUI", error=error.message)
        return text
    if answer == 3:
        raise InterruptedByUserError("Choosing to exit")
    return text


def _another(ctx: Context, call: Call, meant: Meant) -> str:
    names = catalog.names(ctx.home)
    chosen = names[prompt.choose("Choose a template", names)]
    text = embed.read(f"template:{chosen}", ctx.home)
    expression = edit.edit_expression(ctx, call, new=True, text=text)
    return _asked(ctx, call, meant, yq.evaluate(expression, text))


def apply_flags(ctx: Context, call: Call, name: str) -> bool:
    """Apply the edit flags of a call to an instance that is there; whether something changed."""
    expression = edit.edit_expression(ctx, call, new=False, text=ctx.home.instance(name).lima_yaml.read_text())
    if not expression:
        return False
    try:
        return editing.apply(ctx.home, name, expression) is editing.Outcome.CHANGED
    except editing.RejectedError as error:
        raise ConfigError(f"failed to apply yq expression {ticked(expression)} to instance {ticked(name)}",
                          detail=edit.rejected(error.text, error).message) from error
