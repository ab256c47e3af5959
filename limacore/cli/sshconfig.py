"""show-ssh and tunnel."""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
from collections.abc import Sequence

from limacore.base import notice
from limacore.base.goquote import ticked
from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.errors import HostError, UsageError
from limacore.lifecycle import shell as shells
from limacore.paths import hostname
from limacore.ssh.options import at, host_section

_PORTS = range(1024, 65536)
_LOCAL = "127.0.0.1"


def show_ssh(ctx: Context, call: Call) -> None:
    """Show how to reach an instance by ssh."""
    name = call.args[0]
    instance = shells.known(ctx.home, name)
    ctx.log("warning", f"`{notice.program()} show-ssh` is deprecated. Instead, use "
                       f"`ssh -F {ctx.home.instance(name).ssh_config} {hostname(name)}`.")
    write = FORMATS.get(call["format"])
    if write is None:
        raise UsageError(f"unknown format: {ticked(call['format'])}", hint="cmd, args, options or config")
    way = shells.route(ctx.home, instance)
    ctx.out(write(name, (*way.options, *at(way.port, way.address))))


def _command(name: str, options: Sequence[str]) -> str:
    return f"ssh {_words(options)} {hostname(name)}\n"


def _arguments(name: str, options: Sequence[str]) -> str:
    return f"{_words(options)}\n"


def _options(name: str, options: Sequence[str]) -> str:
    return "".join(f"{option}\n" for option in options)


FORMATS = {"cmd": _command, "args": _arguments, "options": _options, "config": host_section}
"""How `show-ssh` writes the options of an instance, by the name of the format."""


def _words(options: Sequence[str]) -> str:
    return " ".join(f"-o {shlex.quote(option)}" for option in options)


def tunnel(ctx: Context, call: Call) -> int:
    """Reach the network of an instance through a SOCKS proxy, which the shared ssh connection keeps open."""
    name, port = call.args[0], call["socks-port"]
    ctx.log("warning", f"`{notice.program()} tunnel` is experimental")
    if call["type"] != "socks":
        raise UsageError(f"unknown tunnel type: {ticked(call['type'])}", hint="socks is the only one")
    if port and port not in _PORTS:
        raise UsageError(f"invalid socks port {port}", hint=f"{_PORTS[0]} to {_PORTS[-1]}, or 0 for any")
    way = shells.route(ctx.home, shells.entered(ctx.home, name))
    port = port or _free_port()
    # What ssh prints must not get into what scripts read from us.
    code = _run([*way.words, "-q", "-f", "-N", "-D", f"{_LOCAL}:{port}", *way.target])
    if not code:
        ctx.out(f"Set `ALL_PROXY=socks5h://{_LOCAL}:{port}`, etc.\n"
                f"The instance can be connected from the host as <http://{hostname(name)}.internal> "
                "via a web browser.\n")
    return code


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOCAL, 0))
        return int(probe.getsockname()[1])


def _run(argv: Sequence[str]) -> int:
    sys.stderr.flush()
    try:
        code = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=2, check=False).returncode
    except OSError as error:
        raise HostError(f"cannot run `{argv[0]}`", detail=error.strerror or str(error)) from error
    return code if code >= 0 else 255
