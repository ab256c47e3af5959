"""copy: become scp or rsync, or copy over SFTP and show how far it is."""

from __future__ import annotations

import asyncio

from limacore.cli.become import become
from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.errors import InterruptedByUserError
from limacore.lifecycle import shell as shells
from limacore.lifecycle import transfer


def copy(ctx: Context, call: Call) -> None:
    """Copy files between this computer and instances."""
    places = tuple(map(transfer.place, call.args))
    wish = transfer.Wish(places, call["backend"], call["recursive"], call["verbose"] or call["debug"])

    def reach(name: str) -> shells.Route:
        return shells.route(ctx.home, shells.entered(ctx.home, name))

    if argv := transfer.argv(wish, reach):
        become(argv)
    ctx.run(_by_sftp(ctx, wish, reach(wish.guests[0])))


async def _by_sftp(ctx: Context, wish: transfer.Wish, way: shells.Route) -> None:
    from limacore.lifecycle import sftp, sftpcopy

    *sources, target = wish.places
    copy = sftpcopy.download if target.instance is None else sftpcopy.upload
    try:
        async with sftp.connected([*way.words, "-s", *way.target, "--", "sftp"]) as client:
            await copy(client, tuple(each.path for each in sources), target.path, recursive=wish.recursive,
                       report=ctx.report)
    except asyncio.CancelledError:
        raise InterruptedByUserError("interrupted; of the files that were under way parts may be there") from None
