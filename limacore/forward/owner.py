"""Why a host port cannot be listened on, and which process has it."""

from __future__ import annotations

import asyncio
import errno
import os
import socket

from limacore.forward.rules import Target, joined


def refusal(target: Target, protocol: str = "tcp") -> int:
    """The errno with which this process may not listen there; 0 when it may."""
    family = socket.AF_INET6 if ":" in target.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM) as sock:
        try:
            if protocol == "tcp":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((target.host, target.port))
            if protocol == "tcp":
                sock.listen(1)
        except OSError as error:
            return error.errno or errno.EINVAL
    return 0


async def reason(target: Target, protocol: str = "tcp") -> str:
    """A sentence on why `target` cannot be listened on; empty when it can by now."""
    number = refusal(target, protocol)
    if number == errno.EADDRINUSE:
        owner = await asyncio.to_thread(listening_process, target.port, protocol)
        return f"port {target.port} of this computer is in use" + (f" by {owner}" if owner else "")
    if number == errno.EACCES:
        return f"port {target.port} needs privileges on this computer (net.ipv4.ip_unprivileged_port_start)"
    return f"cannot listen on {joined(target.host, target.port)}: {os.strerror(number)}" if number else ""


def listening_process(port: int, protocol: str = "tcp") -> str:
    """`name (pid N)` of the process that has a port; empty when it is not ours to see."""
    # Its import costs 3 MB, which an agent without a conflict need not spend.
    import psutil

    wanted = psutil.CONN_NONE if protocol == "udp" else psutil.CONN_LISTEN
    try:
        pids = (each.pid for each in psutil.net_connections(protocol)
                if each.status == wanted and each.laddr and each.laddr.port == port)
        pid = next((pid for pid in pids if pid), 0)
        return f"{psutil.Process(pid).name()} (pid {pid})" if pid else ""
    except psutil.Error:
        return ""
