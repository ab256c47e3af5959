"""info: what is installed where, as JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from limacore.base import externals, notice, plugins, yq
from limacore.base.host import kernel, machine
from limacore.base.version import COMPATIBLE, VERSION
from limacore.cli.color import colored
from limacore.cli.context import Context
from limacore.cli.quick import is_terminal
from limacore.cli.tree import Call
from limacore.config.load import load_text
from limacore.config.written import written
from limacore.drivers import catalog as drivers
from limacore.drivers.qemu import accel
from limacore.guest import agentfile
from limacore.lifecycle.environment import DEFAULT_BLOCK
from limacore.paths import HomePaths
from limacore.templates import catalog


def info(ctx: Context, call: Call) -> None:
    """Show diagnostic information."""
    if call["reprobe"]:
        accel.forget()
        ctx.log("info", "The next start tries the accelerators of this host again")
    for result in yq.query(call["yq"], gathered(ctx.home)):
        ctx.out(f"{shown(result)}\n")


def shown(value: Any) -> str:
    """A scalar as it is, anything else as JSON indented by four, coloured on a terminal."""
    if isinstance(value, str):
        return value
    text = msgspec.json.format(msgspec.json.encode(value), indent=4).decode()
    return colored(text) if is_terminal() else text


def gathered(home: HomePaths) -> dict[str, Any]:
    """Everything `info` shows, in limactl's order of keys."""
    found = [_plugin(each) for each in plugins.discover()]
    by_type = _drivers()
    return {
        "version": COMPATIBLE if notice.program() == "limactl" else VERSION,
        "templates": [{"name": name, "location": str(path)} for name, path in catalog.listed(home).items()],
        "defaultTemplate": _default_template(home),
        "limaHome": str(home.home),
        "vmTypes": list(by_type),
        "vmTypesEx": by_type,
        "guestAgents": {machine(): {"location": str(agentfile.PARTS)}},
        "shellEnvBlock": list(DEFAULT_BLOCK),
        "hostOS": kernel(),
        "hostArch": machine(),
        "identityFile": str(home.private_key),
        "plugins": found or None,
        "libexecPaths": _existing("libexec/lima", "lib/lima") or None,
        "sharePaths": [str(catalog.bundled().parent)],
    }


def _drivers() -> dict[str, dict[str, str]]:
    """Every driver by its name; one of ours wins over an external one of the same name."""
    external = {name: {"location": str(path)} for name, path in externals.discover().items()}
    return external | {name: {"location": "internal"} for name in drivers.available(kernel())}


def _default_template(home: HomePaths) -> Mapping[str, Any]:
    path = catalog.find("default", home)
    loaded = load_text(path.read_text(), home.home / "default.yaml", home, exists=False)
    return {key: value for key, value in written(loaded.filled).items() if key != "vmType"}


def _plugin(plugin: plugins.Plugin) -> dict[str, str]:
    described = {"description": plugin.description} if plugin.description else {}
    return {"name": plugin.name, "path": plugin.path, **described}


def _existing(*below: str) -> list[str]:
    prefix = Path(os.path.realpath(plugins.search_path()[0])).parent
    return [str(prefix / each) for each in below if (prefix / each).is_dir()]
