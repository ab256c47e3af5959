"""The process of one user-v2 network: a switch for its machines, a gateway, a name server, a way out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from ipaddress import IPv4Network
from pathlib import Path

from msgspec import Struct

from limacore.base import http1
from limacore.base.goquote import ticked
from limacore.errors import StateError, UsageError
from limacore.network import api, dns, wires
from limacore.network.gateway import MAC, Gateway
from limacore.network.leases import Leases
from limacore.network.switch import Switch
from limacore.network.uplink import Uplink, program
from limacore.network.upstream import Upstream
from limacore.network.zones import Zones

INTERNAL = "internal"
"""The domain in which machines have their names, and in which nobody else has any."""

_SMALLEST = 29
"""The longest prefix of a network that has room for a gateway and guests."""


class Options(Struct, frozen=True):
    """What the command line says; an empty path leaves out what would be there."""

    subnet: str
    pidfile: str = ""
    endpoint: str = ""
    listen_qemu: str = ""
    listen: str = ""
    mtu: int = 1500
    leases: Mapping[str, str] = {}


def log(level: str, message: str) -> None:
    """One line for `usernet.NAME.stderr.log`."""
    if level != "debug":
        os.write(2, f"{time.strftime('%Y/%m/%d %H:%M:%S')} {level}: {message}\n".encode())


async def run(options: Options) -> None:
    """Be the network until SIGINT or SIGTERM; raises StateError, HostError, UsageError."""
    network = subnet(options.subnet)
    leases = Leases(network, options.leases)
    with owned(options.pidfile):
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        async with _serving(options, leases) as (switch, uplink), asyncio.TaskGroup() as group:
            departed = asyncio.Queue[bytes]()
            switch.gone = departed.put_nowait
            tasks = [group.create_task(each) for each in (uplink.run(), _forget(departed, leases, uplink))]
            await stopped.wait()
            for task in tasks:
                task.cancel()


async def _forget(departed: asyncio.Queue[bytes], leases: Leases, uplink: Uplink) -> None:
    """End the forwards to machines that were unplugged: their host agents may have been killed."""
    while True:
        await uplink.forget(leases.known(await departed.get()))


def subnet(text: str) -> IPv4Network:
    """The network that `--subnet` means; raises UsageError."""
    try:
        network = IPv4Network(text, strict=False)
    except ValueError as error:
        raise UsageError(f"invalid CIDR address: {text}", detail=str(error),
                         hint="write it as 192.168.104.0/24") from error
    if network.prefixlen > _SMALLEST:
        raise UsageError(f"the network {text} is too small", hint=f"use a prefix of at most /{_SMALLEST}")
    return network


@contextlib.contextmanager
def owned(path: str) -> Iterator[None]:
    """Hold the pid file; raises StateError when there is one."""
    if not path:
        yield
        return
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError as error:
        raise StateError(f"pidfile {ticked(path)} already exists", hint="the network runs already, or end it first") \
            from error
    with os.fdopen(fd, "w") as file:
        file.write(f"{os.getpid()}\n")
    try:
        yield
    finally:
        Path(path).unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def _serving(options: Options, leases: Leases) -> AsyncIterator[tuple[Switch, Uplink]]:
    switch, zones, above = Switch(MAC), Zones(), Upstream()
    uplink = Uplink(leases.network, program(), log)
    server = dns.Server(dns.Zone(zones, upstream=above, manner=dns.Manner(ttl=0, recursion=True), closed=INTERNAL))
    await server.start()
    gateway = Gateway(switch, leases, uplink.send, mtu=options.mtu, search=above.resolver().search,
                      dns_ports=(server.udp_port, server.tcp_port))
    uplink.deliver_to(gateway.from_above)
    answer = api.handler(api.Parts(switch, leases, zones, gateway, uplink))
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(server.close)
        if options.endpoint:
            await stack.enter_async_context(http1.serve(Path(options.endpoint), answer))
        if options.listen_qemu:
            await stack.enter_async_context(wires.qemu_plugs(Path(options.listen_qemu), switch, log))
        if options.listen:  # last, since who starts us waits for it
            await stack.enter_async_context(wires.handed_plugs(Path(options.listen), switch, log))
        yield switch, uplink
