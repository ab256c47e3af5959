"""Completion: candidates for the last word of a line (`__complete`), and the scripts that ask for them.

The protocol is cobra's: one candidate a line with its description after a tab, then `:N`, a sum of directives.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from limacore.cli import plugins
from limacore.cli.commands import ROOT
from limacore.cli.dispatch import with_flags
from limacore.cli.pflag import Flag
from limacore.cli.streams import out, tell
from limacore.cli.tree import Command, find
from limacore.errors import LimaError
from limacore.paths import HomePaths

NO_SPACE, NO_FILES = 2, 4
_NAMES = {0: "ShellCompDirectiveDefault", NO_FILES: "ShellCompDirectiveNoFileComp",
          NO_FILES | NO_SPACE: "ShellCompDirectiveNoSpace, ShellCompDirectiveNoFileComp"}

Answer = tuple[list[str], int]


def answer(words: Sequence[str], descriptions: bool) -> int:
    """Print what may stand in place of the last word."""
    try:
        found, directive = candidates(list(words))
    except LimaError:
        found, directive = [], 0
    lines = found if descriptions else [each.partition("\t")[0] for each in found]
    out("".join(f"{line}\n" for line in lines) + f":{directive}\n")
    tell(f"Completion ended with directive: {_NAMES[directive]}\n")
    return 0


def candidates(words: list[str]) -> Answer:
    """Candidates for the last of `words`, each with its description after a tab, and the directive."""
    before, word = words[:-1], words[-1] if words else ""
    root = plugins.with_plugins(with_flags(ROOT), before)
    found = find(root, before)
    flags = {flag.name: flag for flag in (*ROOT.flags, *found.command.flags)}
    if found.command.run.startswith("plugins:"):
        return [], 0
    waiting = _waiting(found.words, flags)
    if waiting:
        return _of(waiting.complete, word)
    if word.startswith("--") and "=" in word and word[2:].partition("=")[0] in flags:
        name, _, rest = word[2:].partition("=")
        return _of(flags[name].complete, rest)
    if word.startswith("-"):
        return sorted(_flag_lines(flags.values(), word)), NO_FILES
    if found.command.commands:
        return [*_commands(found.command, word)], NO_FILES
    missing = [f"--{flag.name}\t{flag.help}" for flag in found.command.flags
               if flag.required and f"--{flag.name}" not in before and not word]
    if missing:
        return missing, NO_FILES
    return _of(found.command.complete, word)


def _waiting(words: Sequence[str], flags: dict[str, Flag]) -> Flag | None:
    """The flag whose value the next word is."""
    last = words[-1] if words else ""
    shorts = {flag.short: flag for flag in flags.values() if flag.short}
    flag = flags.get(last[2:]) if last.startswith("--") else shorts.get(last[-1:]) if last[:1] == "-" else None
    return flag if flag and flag.takes_word and "=" not in last else None


def _flag_lines(flags: Iterable[Flag], word: str) -> Iterator[str]:
    for flag in flags:
        if f"--{flag.name}".startswith(word) and not flag.hidden:
            yield f"--{flag.name}\t{flag.help}"
        if flag.short and word == "-":
            yield f"-{flag.short}\t{flag.help}"


def _commands(command: Command, word: str) -> Iterator[str]:
    shown = [each for each in command.commands if each.group or command.name or each.name == "completion"]
    lines = [(each.name, each.short) for each in shown]
    if not command.name:
        lines.append(("help", "Help about any command"))
    yield from (f"{name}\t{short}" if short else name for name, short in sorted(lines) if name.startswith(word))


def _of(source: str, word: str) -> Answer:
    if source == "set":
        return [each for each in _paths_of_config() if each.startswith(word)], NO_FILES | NO_SPACE
    if source in ("", "files"):
        return [], 0
    if source == "none":
        return [], NO_FILES
    if source in _FIXED:
        return [each for each in _FIXED[source]() if each.startswith(word)], NO_FILES
    names = [each for each in _LISTED[source](HomePaths()) if each.startswith(word)]
    return names, 0 if source in ("templates", "startable") else NO_FILES


def _instances(home: HomePaths) -> list[str]:
    from limacore.store.scan import instance_names

    return list(instance_names(home))


def _templates(home: HomePaths) -> list[str]:
    from limacore.templates import catalog

    return [f"template:{name}" for name in catalog.all_names(home)]


def _disks(home: HomePaths) -> list[str]:
    from limacore.store import disks

    return [disk.name for disk in disks.list_additional(home)]


def _networks(home: HomePaths) -> list[str]:
    from limacore.store import networks

    return sorted(networks.known(home).networks)


_LISTED: dict[str, Callable[[HomePaths], list[str]]] = {
    "instances": _instances, "templates": _templates, "disks": _disks, "networks": _networks,
    "startable": lambda home: [*_instances(home), *_templates(home)],
}


def _fixed(*values: str) -> Callable[[], Sequence[str]]:
    return lambda: values


def _cpus() -> list[str]:
    count = os.cpu_count() or 1
    return [str(number) for number in dict.fromkeys([*_powers(count), count])]


def _powers(limit: float) -> list[int]:
    return [1 << exponent for exponent in range(20) if 1 << exponent <= limit]


def _memory() -> list[str]:
    half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**31
    if half < 1:
        return ["0.5"]
    return [f"{each:.1f}" for each in dict.fromkeys([*map(float, _powers(half)), round(half, 1)])]


def _drivers() -> Sequence[str]:
    from limacore.drivers import catalog

    return catalog.names()


def _interfaces() -> list[str]:
    import socket

    return [name for _, name in socket.if_nameindex()]


_ARCHITECTURES = ("x86_64", "aarch64", "riscv64", "armv7l", "s390x", "ppc64le")
_FIXED: dict[str, Callable[[], Sequence[str]]] = {
    "cpus": _cpus, "memory": _memory, "interfaces": _interfaces,
    "disk": _fixed("10", "30", "50", "100", "200"), "mount-type": _fixed("reverse-sshfs", "9p", "virtiofs"),
    "network": _fixed("lima:shared", "lima:bridged", "lima:host", "lima:user-v2", "vzNAT"),
    "ssh-port": _fixed("60022"), "arch": _fixed(*_ARCHITECTURES), "vm-type": _drivers,
    "containerd": _fixed("user", "system", "user+system", "none"),
    "port-forward": _fixed("8080:80", "3000:3000", "8080:80,static=true"),
    "shell": _fixed("/bin/bash", "/bin/zsh", "cmd.exe", "powershell.exe", "pwsh.exe"),
    "format": _fixed("json", "yaml", "table"), "disk-format": _fixed("qcow2", "raw"),
    "network-mode": _fixed("user-v2", "host", "shared", "bridged"), "condition": _fixed("login", "boot"),
    "copy-backend": _fixed("auto", "rsync", "scp", "sftp"), "ssh-format": _fixed("cmd", "args", "options", "config"),
    "tunnel-type": _fixed("socks"),
}  # fmt: skip


def _paths_of_config() -> list[str]:
    """Paths of lima.yaml two levels deep as `.path=`, and the values of those that take few."""
    from limacore.config.jsonschema import schema

    return sorted(_below("", schema()["$defs"]["LimaYAML"], 2))


def _below(path: str, node: dict[str, Any], depth: int) -> Iterator[str]:
    for key, value in node.get("properties", {}).items():
        here = f"{path}.{key}"
        yield f"{here}="
        for each in (value, *value.get("oneOf", ())):
            if each.get("type") == "boolean":
                yield from (f"{here}=true", f"{here}=false")
            yield from (f'{here}="{word}"' for word in each.get("enum", ()) if isinstance(word, str))
            if depth > 1:
                yield from _below(here, each, depth - 1)
