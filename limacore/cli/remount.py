"""remount: a directory of this computer in a running guest, mounted anew."""

from __future__ import annotations

from limacore import hostlink
from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.lifecycle.guard import existing


def remount(ctx: Context, call: Call) -> None:
    """Unmount and mount again, however it stands."""
    existing(ctx.home, call.args[0])
    state = ctx.run(hostlink.remount(ctx.home.instance(call.args[0]), call.args[1]))
    ctx.log("info", f"`{state.location}` is mounted on `{state.mount_point}`")
