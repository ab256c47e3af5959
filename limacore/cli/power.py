"""pause, resume, suspend; memory: what a running machine may be asked for."""

from __future__ import annotations

import msgspec

from limacore.base.units import format_size, parse_size
from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.lifecycle import power


def pause(ctx: Context, call: Call) -> None:
    """Let the machine stand still."""
    ctx.run(power.pause(ctx.home, call.args[0]))


def resume(ctx: Context, call: Call) -> None:
    """Let a paused machine go on."""
    ctx.run(power.resume(ctx.home, call.args[0]))


def suspend(ctx: Context, call: Call) -> None:
    """Keep the memory in the disk, and end the machine."""
    ctx.run(power.suspend(ctx.home, call.args[0], report=ctx.report))


def memory_get(ctx: Context, call: Call) -> None:
    """What the guest may use now."""
    now, most = ctx.run(power.memory(ctx.home, call.args[0]))
    if call["json"]:
        ctx.out(msgspec.json.encode({"bytes": now, "most": most}).decode() + "\n")
    else:
        ctx.out(f"{format_size(now)} of {format_size(most)}\n")


def memory_set(ctx: Context, call: Call) -> None:
    """Let the guest use less, or more again."""
    name, size = call.args
    wanted = parse_size(size)
    now, most = ctx.run(power.memory(ctx.home, name, wanted))
    ctx.log("info", f"The guest has {format_size(now)} of {format_size(most)}")
    if now > wanted:
        ctx.log("warning", f"The guest gave back only so much: it uses more than {format_size(wanted)}")
