"""Programs called `limactl-NAME` as further commands."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

import msgspec

from limacore.base import plugins
from limacore.cli.output import Log
from limacore.cli.tree import Command
from limacore.errors import HostError


def with_plugins(root: Command, words: Sequence[str]) -> Command:
    """The root with a command for each plugin, when the line may mean one: a built-in of the same name wins."""
    if any(root.find(word) for word in words[:1]):
        return root
    own = {name for each in root.commands for name in (each.name, *each.aliases)}
    added = tuple(
        Command(each.name, each.description, run=f"plugins:{each.path}",
                group="" if each.name.startswith("url-") else "plugin")
        for each in plugins.discover() if each.name and each.name not in own)
    return msgspec.structs.replace(root, commands=(*root.commands, *added))


def run(command: Command, words: Sequence[str], log: Log) -> int:
    """Run a plugin with its words; returns its exit status."""
    for line in plugins.remarks():
        log("debug", line)
    path = command.run.partition(":")[2]
    environment = {**os.environ, "PATH": os.pathsep.join(plugins.search_path())}
    try:
        code = subprocess.run([path, *words], env=environment, check=False).returncode
    except OSError as error:
        raise HostError(f"cannot run the plugin `{path}`", detail=error.strerror or "") from error
    return code if code >= 0 else 255
