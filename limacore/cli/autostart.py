"""autostart enable and disable, start-at-login, sudoers."""

from __future__ import annotations

from pathlib import Path

from limacore.base import notice
from limacore.base.host import kernel
from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.errors import HostError, LimaError, NotFoundError, UsageError
from limacore.lifecycle import autostart
from limacore.network import vmnet
from limacore.store import networks

_AT_LOGIN = "to start at login"


def enable(ctx: Context, call: Call) -> None:
    """Have an instance started at login, or at boot on macOS."""
    name, boot = call.args[0], call["condition"] == "boot"
    _require(ctx, name)
    when = "to start at boot" if boot else _AT_LOGIN
    if boot and kernel() != "darwin":
        autostart.enable(ctx.home, name, boot=True)
    _enable(ctx, name, boot=boot, user=call["user"])
    ctx.log("info", f"Instance `{name}` registered {when}")
    _tell_of_linger(ctx)


def _enable(ctx: Context, name: str, *, boot: bool = False, user: str = "") -> bool:
    try:
        return autostart.enable(ctx.home, name, boot=boot, user=user)
    except LimaError as error:
        raise _wrapped(f"failed to register instance `{name}` {_AT_LOGIN}", error) from error


def _wrapped(message: str, error: LimaError) -> HostError:
    detail = ": ".join(part for part in (error.message, error.detail) if part)
    return HostError(message, detail=detail, hint=error.hint)


def _require(ctx: Context, name: str) -> None:
    if not ctx.home.instance(name).dir.is_dir():
        raise NotFoundError(f'instance "{name}" not found', hint=f"see `{notice.program()} list`")


def _tell_of_linger(ctx: Context) -> None:
    """limactl says nothing of it, and its users wonder why nothing starts at boot."""
    if notice.program() != "limactl" and kernel() == "linux" and not autostart.lingers():
        ctx.log("info", "It starts when you log in and ends when you log out; to have it run from boot on: "
                        "loginctl enable-linger")


def disable(ctx: Context, call: Call) -> None:
    """Have an instance started at login no more."""
    name = call.args[0]
    _require(ctx, name)
    autostart.require_supported()
    if autostart.unregister(ctx.home, name):
        ctx.log("info", f"Instance `{name}` unregistered from start at login")
    else:
        ctx.log("info", f"Instance `{name}` is not registered for automatic startup")


def start_at_login(ctx: Context, call: Call) -> None:
    """The older spelling of both."""
    name = call.arg(0, "default")
    if not ctx.home.instance(name).dir.is_dir():
        ctx.log("info", f"Instance `{name}` not found")
        return
    try:
        known = autostart.registered(ctx.home, name)
    except LimaError as error:
        raise _wrapped(f"failed to check if the autostart entry for instance `{name}` is registered", error) from error
    ctx.log("info", f"The autostart entry for instance `{name}` {_changed(ctx, name, known, call['enabled'])}")


def _changed(ctx: Context, name: str, known: bool, wanted: bool) -> str:
    if wanted:
        _enable(ctx, name)
        return "has been updated" if known else "has been created"
    return "has been unregistered" if autostart.unregister(ctx.home, name) else "is not registered"


def sudoers(ctx: Context, call: Call) -> None:
    """Print, or check, the rules for sudo that networks of other modes than user-v2 need."""
    if kernel() != "darwin":
        raise HostError("sudoers command is only supported on macOS right now")
    config = networks.known(ctx.home)
    if not call["check"]:
        if call.args:
            raise UsageError("the file argument can only be used with --check", hint="add --check, or redirect stdout")
        ctx.out(vmnet.sudoers(config))
        return
    file = Path(call.args[0] if call.args else config.paths.sudoers)
    vmnet.check(config, file)
    ctx.log("info", f"`{file}` is up-to-date (or sudo doesn't require a password)")
