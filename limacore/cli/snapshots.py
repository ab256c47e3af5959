"""snapshot: create, apply, delete, list."""

from __future__ import annotations

from limacore.base import notice
from limacore.cli.context import Context
from limacore.cli.output import Log
from limacore.cli.tree import Call
from limacore.lifecycle import snapshots


def create(ctx: Context, call: Call) -> None:
    """Take a snapshot."""
    _warn()
    ctx.run(snapshots.create(ctx.home, call.args[0], call["tag"]))


def apply(ctx: Context, call: Call) -> None:
    """Go back to a snapshot."""
    _warn()
    ctx.run(snapshots.apply(ctx.home, call.args[0], call["tag"]))


def delete(ctx: Context, call: Call) -> None:
    """Delete a snapshot."""
    _warn()
    ctx.run(snapshots.delete(ctx.home, call.args[0], call["tag"]))


def list_snapshots(ctx: Context, call: Call) -> None:
    """QEMU's table, or only the tags."""
    _warn()
    if call["quiet"]:
        ctx.out("".join(f"{each.tag}\n" for each in ctx.run(snapshots.listing(ctx.home, call.args[0]))))
    else:
        ctx.out(ctx.run(snapshots.table(ctx.home, call.args[0])))


def _warn() -> None:
    # limactl says this at any --log-level and as text with any --log-format.
    Log()("warning", f"`{notice.program()} snapshot` is experimental")
