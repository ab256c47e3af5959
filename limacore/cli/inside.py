"""Commands that programs call: the host agent; and those of the reference that this version has no use for yet."""

from __future__ import annotations

import os
import sys

from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.errors import HostError, UsageError
from limacore.lifecycle.guard import existing
from limacore.lifecycle.shell import entered


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
    """user-v2 networks are not run by this version."""
    raise HostError("this version runs no user-v2 network", hint="leave `lima: user-v2` out of `networks`")


def guest_install(ctx: Context, call: Call) -> None:
    """Our guests get their agent at each boot, from cidata.iso."""
    existing(ctx.home, call.arg(0, "default"))
    entered(ctx.home, call.arg(0, "default"))
    raise HostError("the guest agent comes with each boot, there is nothing to install",
                    hint="restart the instance to give it a new agent")


def debug_dns(ctx: Context, call: Call) -> None:
    """The DNS server for guests is not run by this version."""
    raise HostError("this version runs no DNS server for guests", hint="set `hostResolver.enabled: false` and `dns`")
