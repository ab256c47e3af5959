"""forward: list, add, remove: the ports of a running instance."""

from __future__ import annotations

import msgspec

from limacore import hostlink
from limacore.cli.context import Context
from limacore.cli.listing import table
from limacore.cli.tree import Call
from limacore.forward import byhand
from limacore.lifecycle.guard import existing
from limacore.model.instance import Forward
from limacore.paths import InstancePaths

_HEADERS = ("PROTO", "GUEST", "HOST", "STATE")


def list_forwards(ctx: Context, call: Call) -> None:
    """What the guest listens on and where that is on this computer."""
    found = ctx.run(hostlink.status(_paths(ctx, call))).forwards
    if call["json"]:
        ctx.out("".join(f"{msgspec.json.encode(each).decode()}\n" for each in found))
    else:
        ctx.out(table(_HEADERS, [_row(each) for each in found]) + "\n")


def add(ctx: Context, call: Call) -> None:
    """Forward one more port or socket, until the instance stops."""
    paths = _paths(ctx, call)
    protocol = "reverse" if call["reverse"] else call["proto"]
    made = byhand.parse(protocol, call.args[1], call.arg(2))
    state = ctx.run(hostlink.add_forward(paths, protocol, str(made.guest), str(made.host)))
    ctx.log("info", f"{state.protocol} {state.guest} (guest), {state.host} (host): {state.state}")


def remove(ctx: Context, call: Call) -> None:
    """Stop a forward, named by its place on this computer."""
    paths = _paths(ctx, call)
    ctx.run(hostlink.remove_forward(paths, str(byhand.end(call.args[1]))))


def _paths(ctx: Context, call: Call) -> InstancePaths:
    existing(ctx.home, call.args[0])
    return ctx.home.instance(call.args[0])


def _row(forward: Forward) -> tuple[str, ...]:
    state = f"{forward.state}: {forward.error}" if forward.error else forward.state
    return forward.protocol, forward.guest, forward.host or "-", state
