"""stop, restart, delete, protect, unprotect, clone, rename, factory-reset."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from limacore.cli.context import Context
from limacore.cli.create import start_existing
from limacore.cli.tree import Call
from limacore.errors import LimaError
from limacore.lifecycle import change, remove
from limacore.lifecycle import stop as stopping
from limacore.lifecycle.guard import existing
from limacore.model.instance import Status
from limacore.store.scan import inspect


def stop(ctx: Context, call: Call) -> None:
    """Stop instances; without a name: `default`."""
    _each(call.args or ("default",), lambda name: _stop(ctx, name, call["force"]))


def _stop(ctx: Context, name: str, force: bool) -> None:
    ctx.run(stopping.stop(ctx.home, name, force=force, report=ctx.report))
    ctx.log("info", f"The instance {name} has shut down")


def _each(names: Sequence[str], act: Callable[[str], None]) -> None:
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


def restart(ctx: Context, call: Call) -> None:
    """Restart a running instance."""
    name = call.arg(0, "default")
    existing(ctx.home, name)
    if inspect(ctx.home, name).status is Status.STOPPED:
        ctx.log("warning", "The instance is not running, continuing with the restart")
    else:
        _stop(ctx, name, call["force"])
    start_existing(ctx, name)


def delete(ctx: Context, call: Call) -> None:
    """Delete instances."""
    _each(call.args, lambda name: _delete(ctx, name, call["force"]))


def _delete(ctx: Context, name: str, force: bool) -> None:
    directory = ctx.home.instance(name).dir
    if not directory.exists():
        ctx.log("warning", f"Ignoring non-existent instance `{name}`")
        return
    ctx.run(remove.delete(ctx.home, name, force=force, report=ctx.report))
    ctx.log("info", f"Deleted `{name}` (`{directory}`)")


def protect(ctx: Context, call: Call) -> None:
    """Protect instances against accidental removal."""
    for name in call.args:
        done = change.protect(ctx.home, name)
        if done:
            ctx.log("info", f"Protected `{name}`")
        else:
            ctx.log("warning", f"Instance `{name}` is already protected. Skipping.")


def unprotect(ctx: Context, call: Call) -> None:
    """Lift the protection of instances."""
    for name in call.args:
        if change.unprotect(ctx.home, name):
            ctx.log("info", f"Unprotected `{name}`")
        else:
            ctx.log("warning", f"Instance `{name}` isn't protected. Skipping.")
