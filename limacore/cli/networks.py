"""network: list, create, delete."""

from __future__ import annotations

import ipaddress
import json

from limacore.base import notice
from limacore.cli.context import Context
from limacore.cli.listing import table
from limacore.cli.tree import Call
from limacore.errors import UsageError
from limacore.model.network import NamedNetwork
from limacore.store import networks

_HEADERS = ("NAME", "MODE", "GATEWAY", "INTERFACE")
_KEYS = (("interface", "interface"), ("gateway", "gateway"), ("dhcpEnd", "dhcp_end"), ("netmask", "netmask"))


def list_networks(ctx: Context, call: Call) -> None:
    """List networks."""
    known = networks.known(ctx.home).networks
    for name in call.args:
        if name not in known:
            ctx.log("warning", f"No network matching {name} found.")
    shown = [name for name in sorted(known) if not call.args or name in call.args]
    if call["json"]:
        ctx.out("".join(f"{_json(name, known[name])}\n" for name in shown))
    else:
        ctx.out(table(_HEADERS, [_row(name, known[name]) for name in shown]) + "\n")


def _json(name: str, network: NamedNetwork) -> str:
    extra = {key: getattr(network, attribute) for key, attribute in _KEYS}
    values = {"name": name, "mode": network.mode, **{key: value for key, value in extra.items() if value}}
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def _row(name: str, network: NamedNetwork) -> tuple[str, ...]:
    return name, network.mode, _gateway(network) or "-", network.interface or "-"


def _gateway(network: NamedNetwork) -> str:
    """`ADDRESS/LENGTH`; the address alone where there is no mask to go with it."""
    if not network.gateway or not network.netmask:
        return network.gateway
    mask = ipaddress.ip_address(network.netmask)
    return f"{network.gateway}/{int(mask).bit_count()}"


def create(ctx: Context, call: Call) -> None:
    """Create a network."""
    wanted = networks.Wanted(call["mode"], call["gateway"], call["interface"])
    networks.create(ctx.home, call.args[0], wanted)


def delete(ctx: Context, call: Call) -> None:
    """Delete networks."""
    if not call["force"]:
        raise UsageError(f"`{notice.program()} network delete` currently always requires `--force`",
                         hint="instances that use the network cannot start without it")
    networks.delete(ctx.home, call.args)
