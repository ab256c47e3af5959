"""A machine on a user-v2 network: its address is waited for, its ssh port forwarded, its names are told."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Mapping

from limacore.errors import StateError
from limacore.hostagent.setup import Prepared
from limacore.model.network import NamedNetwork, mac_address
from limacore.network import client, names, zones
from limacore.network.uplink import Forward

LIMIT = "LIMA_USERNET_RESOLVE_IP_ADDRESS_TIMEOUT"
"""Minutes after which a machine without an address is complained about; the reference tool ends it then."""

_MINUTES = 2.0
_PAUSE = 0.5
_PORTS = 3
"""Ports that are tried for ssh when a stranger has the first."""

Log = Callable[[str, str], None]


class UserNet:
    """What a host agent does for a machine whose eth0 is on a user-v2 network; nothing for others."""

    def __init__(self, prepared: Prepared, another_port: Callable[[], Prepared], log: Log) -> None:
        self._prepared = prepared
        self._another_port = another_port
        self._log = log
        spec = prepared.spec
        known = ((each.lima, spec.networks.user_v2(each.lima)) for each in spec.config.networks)
        self._name, self._network = next(((name, found) for name, found in known if found), ("", NamedNetwork()))
        self._socket = spec.home.network(self._name).endpoint_sock if self._name else spec.home.networks

    async def attend(self) -> None:
        """Until cancelled; then the forward is taken back."""
        if not self._name:
            return
        try:
            address = await self._address()
            forward = await self._expose(address)
        except StateError as error:
            self._log("error", f"the ssh port of the guest cannot be reached: {error}")
            return
        try:
            await self._tell_names(address)
            await asyncio.Event().wait()
        finally:
            await self._unexpose(forward)

    async def _address(self) -> str:
        """The guest's address, as soon as it has one."""
        mac, began = mac_address(str(self._prepared.spec.paths.dir)), asyncio.get_running_loop().time()
        limit, warned = 60 * _minutes(os.environ.get(LIMIT, "")), False
        while True:
            found = next((ip for ip, owner in (await client.leases(self._socket)).items() if owner == mac), "")
            if found:
                self._log("debug", f"the guest has the address {found} on network {self._name}")
                return found
            if not warned and asyncio.get_running_loop().time() - began > limit:
                warned = True
                self._log("warning", f"the guest has asked for no address on network `{self._name}` yet")
            await asyncio.sleep(_PAUSE)

    async def _expose(self, address: str) -> Forward:
        for chances in range(_PORTS, -1, -1):
            forward = Forward(f"127.0.0.1:{self._prepared.spec.ssh_port}", f"{address}:22")
            try:
                await client.expose(self._socket, forward)
                break
            except StateError as error:
                if not chances or self._prepared.spec.config.ssh.local_port:
                    raise
                self._log("warning", f"{error}; trying another ssh port")
                self._prepared = self._another_port()
        return forward

    async def _unexpose(self, forward: Forward) -> None:
        try:
            await client.unexpose(self._socket, forward)
        except StateError as error:
            self._log("debug", f"the ssh port is not taken back: {error}")  # ours ends forwards to who is gone

    async def _tell_names(self, address: str) -> None:
        spec = self._prepared.spec
        table = names.table(spec.config.host_resolver.hosts, spec.name, self._network.guest_gateway, address)
        try:
            others = {names.plain(f"{record.name}.{zone.name}"): record.ip
                      for zone in await client.zones(self._socket) for record in zone.records if record.ip}
            for zone in zones.split(await self._resolved({**others, **table}, table)):
                await client.add_zone(self._socket, zone)
        except StateError as error:
            self._log("warning", f"names of the guest are not known on network `{self._name}`: {error}")

    async def _resolved(self, known: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
        found = {}
        for name in wanted:
            end = names.follow(known, name)
            if not names.is_address(end):
                end = await asyncio.to_thread(_looked_up, end)
            if end:
                found[name] = end
            else:
                self._log("warning", f"hostResolver.hosts: `{name}` leads to no address now, guests do not get it")
        return found


def _looked_up(name: str) -> str:
    """An address of a name outside; nothing when there is none."""
    with contextlib.suppress(OSError, UnicodeError):
        return str(socket.getaddrinfo(name, None, socket.AF_INET)[0][4][0]) if name else ""
    return ""


def _minutes(text: str) -> float:
    try:
        return max(0.0, float(text)) if text else _MINUTES
    except ValueError:
        return _MINUTES
