"""Commands that programs call: the host agent; and those of the reference that this version has no use for yet."""

from __future__ import annotations

import asyncio
import os
import sys

from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.errors import HostError, UsageError
from limacore.lifecycle.guard import existing
from limacore.lifecycle.shell import entered
from limacore.network import daemon, dns, names


def hostagent(ctx: Context, call: Call) -> None:
    """Become the host agent of an instance."""
    if not call["socket"]:
        raise UsageError("socket must be specified (limactl version mismatch?)")
    ctx.log.style = "json"  # its stderr is ha.stderr.log
    existing(ctx.home, call.args[0])
    given = [f"--{name}={call[name]}" for name in ("pidfile", "socket", "guestagent", "nerdctl-archive") if call[name]]
    given += [f"--{name}" for name in ("run-gui", "progress", "debug") if call[name]]
    os.environ["LIMA_HOME"] = str(ctx.home.home)
    os.execv(sys.executable, [sys.executable, "-P", "-m", "limacore.hostagent", *given, call.args[0]])


def usernet(ctx: Context, call: Call) -> None:
    """Be a user-v2 network until interrupted."""
    names = ("pidfile", "endpoint", "listen-qemu", "listen", "subnet", "mtu", "leases")
    given = {name.replace("-", "_"): call[name] for name in names}
    asyncio.run(daemon.run(daemon.Options(**given)))


def guest_install(ctx: Context, call: Call) -> None:
    """Our guests get their agent at each boot, from cidata.iso."""
    existing(ctx.home, call.arg(0, "default"))
    entered(ctx.home, call.arg(0, "default"))
    raise HostError("the guest agent comes with each boot, there is nothing to install",
                    hint="restart the instance to give it a new agent")


def debug_dns(ctx: Context, call: Call) -> None:
    """Run the DNS server for guests until it is interrupted."""
    ports = [_port(text) for text in call.args]
    ctx.run(_serve(ctx, call["ipv6"], ports[0], ports[1] if len(ports) > 1 else 0))


def _port(text: str) -> int:
    if text.isdecimal() and int(text) < 65536:
        return int(text)
    raise UsageError(f"{text!r} is no port", hint="use a number up to 65535")


async def _serve(ctx: Context, ipv6: bool, udp: int, tcp: int) -> None:
    server = dns.Server(dns.Zone(names.table({}, ""), ipv6=ipv6))
    await server.start(udp, tcp)
    ctx.log("info", f"Started hostagent DNS server (UDP {server.udp_port}, TCP {server.tcp_port})")
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
