"""stop, restart, delete, protect, unprotect, clone, rename, factory-reset."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from limacore.base.goquote import ticked
from limacore.cli.commands import ROOT_FLAGS
from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.errors import LimaError, NotFoundError
from limacore.lifecycle import change, many, remove, reset
from limacore.lifecycle import clone as cloning
from limacore.lifecycle import stop as stopping
from limacore.lifecycle.guard import configured
from limacore.paths import HomePaths
from limacore.store.scan import inspect


def stop(ctx: Context, call: Call) -> None:
    """Stop instances; without a name: `default`."""
    limit = call["timeout"] if call["timeout"] > 0 else stopping.GRACE
    ctx.run(stopping.stop_all(ctx.home, call.args or ("default",), force=call["force"], timeout=limit,
                              report=ctx.report))


def restart(ctx: Context, call: Call) -> None:
    """Restart an instance, with the changes that the flags ask for."""
    from limacore.cli.create import apply_flags
    from limacore.cli.ready import start_existing

    name = call.arg(0, "default")
    configured(ctx.home, name)
    if apply_flags(ctx, call, name):
        ctx.log("info", f"Instance {ticked(name)} configuration edited")
    if call["force"]:
        ctx.log("info", "Restarting the instance forcibly")
        ctx.run(stopping.stop(ctx.home, name, force=True, report=ctx.report))
    elif inspect(ctx.home, name).status.is_down:
        ctx.log("warning", "The instance is not running, continuing with the restart")
    else:
        ctx.run(stopping.stop(ctx.home, name, report=ctx.report))
    start_existing(ctx, name, progress=call["progress"])


def delete(ctx: Context, call: Call) -> None:
    """Delete instances."""
    ctx.run(remove.delete_all(ctx.home, call.args, force=call["force"], report=ctx.report))


def protect(ctx: Context, call: Call) -> None:
    """Protect instances against accidental removal."""
    _each(ctx, call, change.protect)


def unprotect(ctx: Context, call: Call) -> None:
    """Lift the protection of instances."""
    _each(ctx, call, change.unprotect)


def _each(ctx: Context, call: Call, act: Callable[[HomePaths, str], object]) -> None:
    errors = []
    for name in call.args:
        try:
            act(ctx.home, name)
        except LimaError as error:
            errors.append(error)
    many.require_none(errors)


def clone(ctx: Context, call: Call) -> None:
    """Copy an instance."""
    _copy(ctx, call, cloning.clone)


def rename(ctx: Context, call: Call) -> None:
    """Give an instance another name."""
    _copy(ctx, call, cloning.rename)


def _copy(ctx: Context, call: Call, act: Callable[..., Coroutine[Any, Any, object]]) -> None:
    old, new = call.args
    if call.names_given - {"start"} - {flag.name for flag in ROOT_FLAGS}:
        _copy_edited(ctx, call, act)
    else:
        ctx.run(act(ctx.home, old, new, report=ctx.report))
    if call["start"] or (ctx.tty and not call.given("start")):
        from limacore.cli.ready import offer_start

        offer_start(ctx, new, call["start"], asked=call.given("start"))


def _copy_edited(ctx: Context, call: Call, act: Callable[..., Coroutine[Any, Any, object]]) -> None:
    """With edit flags: they are tried before anything is copied."""
    from limacore.base import yq
    from limacore.cli import edit
    from limacore.lifecycle.edit import RejectedError

    def changed(text: str) -> str:
        return yq.evaluate(edit.edit_expression(ctx, call, new=False, text=text), text)

    try:
        ctx.run(act(ctx.home, *call.args, report=ctx.report, edit=changed))
    except RejectedError as error:
        raise edit.rejected(error.text, error) from error


def factory_reset(ctx: Context, call: Call) -> None:
    """Make an instance as new."""
    name = call.arg(0, "default")
    try:
        ctx.run(reset.factory_reset(ctx.home, name, report=ctx.report))
    except NotFoundError:
        ctx.log("info", f"Instance {ticked(name)} not found")
