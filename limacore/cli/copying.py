"""copy: become scp or rsync."""

from __future__ import annotations

from limacore.cli.become import become
from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.lifecycle import shell as shells
from limacore.lifecycle import transfer


def copy(ctx: Context, call: Call) -> None:
    """Copy files between this computer and instances."""
    places = tuple(map(transfer.place, call.args))
    wish = transfer.Wish(places, call["backend"], call["recursive"], call["verbose"] or call["debug"])
    become(transfer.argv(wish, lambda name: shells.route(ctx.home, shells.entered(ctx.home, name))))
