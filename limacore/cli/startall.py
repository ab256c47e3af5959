"""start of several instances at once: what is told begins with the name that it is about."""

from __future__ import annotations

import asyncio

from limacore.base import notice
from limacore.base.goquote import ticked
from limacore.cli.context import Context
from limacore.cli.create import apply_flags, is_name, require_readable, runs
from limacore.cli.dispatch import words_of
from limacore.cli.ready import begin
from limacore.cli.streams import tell
from limacore.cli.tree import Call
from limacore.errors import LimaError, UsageError
from limacore.lifecycle import many
from limacore.lifecycle.guard import configured


def start_all(ctx: Context, call: Call) -> None:
    """Start them all; one that fails stops no other, and the command fails in the end."""
    _require_names(call)
    failed = ctx.run(many.each(call.args, lambda name: _told(ctx, call, name), live=True))
    if failed:
        count = len(set(call.args))
        raise LimaError(f"{len(failed)} of {count} instances could not be started")


def _require_names(call: Call) -> None:
    if other := next((each for each in call.args if not is_name(each)), None):
        raise UsageError(f"several instances are started by their names, and {ticked(other)} is none",
                         hint="create it first, or start it alone")
    for flag in ("name", "foreground"):
        if call[flag]:
            raise UsageError(f"`--{flag}` is for one instance")


async def _told(ctx: Context, call: Call, name: str) -> None:
    try:
        await _start(ctx, call, name)
    except LimaError as error:
        notice.error(words_of(error))
        raise


async def _start(ctx: Context, call: Call, name: str) -> None:
    configured(ctx.home, name)
    if runs(ctx, name):
        return
    await asyncio.to_thread(_ready, ctx, call, name)
    message = await begin(ctx, name, limit=call["timeout"], strict=call["strict"], progress=call["progress"],
                          inherit=False)
    tell("".join(f"{name}: {line}\n" for line in message.splitlines()))


def _ready(ctx: Context, call: Call, name: str) -> None:
    require_readable(ctx, name)
    apply_flags(ctx, call, name)
