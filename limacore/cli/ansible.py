"""ansible-inventory: all instances, as a dynamic inventory of Ansible."""

from __future__ import annotations

import json

from limacore.ansible import host, listing
from limacore.base import notice
from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.errors import UsageError
from limacore.paths import InstancePaths
from limacore.store.scan import inspect, scan


def inventory(ctx: Context, call: Call) -> None:
    """Answer `--list` or `--host NAME` with a JSON object."""
    if bool(call["list"]) == bool(call["host"]):
        raise UsageError("either --list or --host INSTANCE is needed",
                         hint=f"Ansible calls an inventory script so: `{notice.program()} ansible-inventory --list`")
    answer = _all(ctx) if call["list"] else host(inspect(ctx.home, call["host"]), ctx.home.instance(call["host"]))
    ctx.out(json.dumps(answer, indent=2, sort_keys=True) + "\n")


def _all(ctx: Context) -> dict[str, object]:
    instances = scan(ctx.home)
    return listing(instances, {each.name: InstancePaths(ctx.home.home / each.name) for each in instances})
