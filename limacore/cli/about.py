"""info: what is installed where."""

from __future__ import annotations

import json
import platform

from limacore.base.version import VERSION
from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.drivers.qemu import accel
from limacore.templates import catalog


def info(ctx: Context, call: Call) -> None:
    """Show diagnostic information."""
    if call["reprobe"]:
        accel.forget()
        ctx.log("info", "The next start tries the accelerators of this host again")
    names = catalog.names(ctx.home)
    ctx.out(json.dumps({
        "version": VERSION,
        "templates": [{"name": name, "location": str(catalog.find(name, ctx.home))} for name in names],
        "limaHome": str(ctx.home.home),
        "vmTypes": ["qemu"],
        "vmTypesEx": {"qemu": {"location": "internal"}},
        "hostOS": platform.system().lower(),
        "hostArch": platform.machine(),
        "identityFile": str(ctx.home.private_key),
    }, indent=4) + "\n")  # fmt: skip
