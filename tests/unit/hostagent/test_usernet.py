"""What a host agent does for a machine on a user-v2 network, with a real network and a guest of a few lines."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from limacore.drivers.base import MachineSpec
from limacore.forward import rules
from limacore.hostagent import port
from limacore.hostagent.setup import Prepared
from limacore.hostagent.usernet import LIMIT, UserNet
from limacore.model.config import Config, HostResolver, Network, Ssh
from limacore.model.network import NamedNetwork, Networks, mac_address
from limacore.network import client, service, zones
from limacore.network.leases import mac_bytes
from limacore.network.uplink import Forward
from limacore.paths import HomePaths, NetworkPaths
from tests.unit.network.guest import Plug

KNOWN = Networks(networks={"lab": NamedNetwork(mode="user-v2", gateway="10.9.0.1", netmask="255.255.255.0")})
HOSTS = {"db.corp": "10.1.2.3", "peer": "lima-other.internal", "nothing.corp": "no-such-name.invalid", "me": "lima-a"}
pytestmark = pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="no qemu-system-x86_64 for the way out")


@pytest.fixture
def network(lima_home: Path) -> Iterator[NetworkPaths]:
    paths = HomePaths(lima_home).network("lab")
    service.start(paths, KNOWN.networks["lab"].subnet)
    try:
        yield paths
    finally:
        service.stop(paths)


class House:
    """A prepared machine, and what is done about its ports."""

    def __init__(self, home: HomePaths, local_port: int = 0) -> None:
        config = Config(networks=(Network(lima="lab"),), host_resolver=HostResolver(hosts=HOSTS),
                        ssh=Ssh(local_port=local_port))
        paths = home.instance("a")
        spec = MachineSpec("a", paths, home, config, local_port or port.pick(0), KNOWN)
        self.prepared = Prepared(spec, "iid", (), rules.table((), spec.ssh_port, paths.dir))
        self.told: list[str] = []
        self.mac = mac_bytes(mac_address(str(paths.dir)))

    def another_port(self) -> Prepared:
        self.prepared = replace(self.prepared, spec=replace(self.prepared.spec, ssh_port=port.pick(0)))
        return self.prepared

    def log(self, level: str, message: str) -> None:
        self.told.append(f"{level} {message}")

    def forward(self) -> Forward:
        return Forward(f"127.0.0.1:{self.prepared.spec.ssh_port}", "10.9.0.1:22")

    @contextlib.asynccontextmanager
    async def attended(self) -> AsyncIterator[None]:
        task = asyncio.ensure_future(UserNet(self.prepared, self.another_port, self.log).attend())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def until_zones(network: NetworkPaths, wanted: str) -> dict[str, str]:
    """The names of the network as soon as one of them is there."""
    async with asyncio.timeout(60):
        while True:
            found = zones.Zones()
            for zone in await client.zones(network.endpoint_sock):
                found.add(zone)
            if wanted in found:
                return dict(found)
            await asyncio.sleep(0.05)


async def forwards(network: NetworkPaths) -> bytes:
    from limacore.base import http1

    return (await http1.request(network.endpoint_sock, "/services/forwarder/all")).body


async def test_a_machine_gets_its_forward_and_its_names_and_loses_the_forward(
    network: NetworkPaths, lima_home: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(LIMIT, "0")
    await client.add_zone(network.endpoint_sock, zones.Zone("internal.", (zones.Record("lima-other", "10.9.0.77"),)))
    house = House(HomePaths(lima_home))
    async with house.attended():
        async with asyncio.timeout(60):
            while not house.told:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert house.told == ["warning the guest has asked for no address on network `lab` yet"]
        with contextlib.closing(await asyncio.to_thread(Plug, network.qemu_sock, house.mac)) as guest:
            await asyncio.to_thread(guest.boot)
            found = await until_zones(network, "lima-a")  # told last
            assert found == {
                "lima-a.internal": "10.9.0.1", "lima-a": "10.9.0.1", "me": "10.9.0.1", "host.lima.internal": "10.9.0.2",
                "db.corp": "10.1.2.3", "peer": "10.9.0.77", "lima-other.internal": "10.9.0.77",
            }  # fmt: skip
            assert any("`nothing.corp` leads to no address" in line for line in house.told)
            assert house.forward().local.encode() in await forwards(network)
    assert await forwards(network) == b"[]"


async def test_a_port_that_a_stranger_took_is_given_up_unless_it_was_asked_for(
    network: NetworkPaths, lima_home: Path,
) -> None:
    house = House(HomePaths(lima_home))
    plugged = contextlib.closing(await asyncio.to_thread(Plug, network.qemu_sock, house.mac))
    with socket.create_server(("127.0.0.1", 0)) as stranger, plugged as guest:
        await asyncio.to_thread(guest.boot)
        taken = stranger.getsockname()[1]
        house.prepared = replace(house.prepared, spec=replace(house.prepared.spec, ssh_port=taken))
        async with house.attended():
            await until_zones(network, "db.corp")
            assert house.prepared.spec.ssh_port != taken and house.forward().local.encode() in await forwards(network)
        fixed = House(HomePaths(lima_home), taken)
        await UserNet(fixed.prepared, fixed.another_port, fixed.log).attend()
        assert fixed.told[-1].startswith("error the ssh port of the guest cannot be reached: cannot forward")
        service.stop(network)
        await UserNet(fixed.prepared, fixed.another_port, fixed.log).attend()
        assert "does not answer" in fixed.told[-1]


async def test_a_machine_on_the_built_in_network_needs_nothing(lima_home: Path) -> None:
    house = House(HomePaths(lima_home))
    spec = replace(house.prepared.spec, config=Config(networks=(Network(socket="/run/x"),)))
    await UserNet(replace(house.prepared, spec=spec), house.another_port, house.log).attend()
    assert house.told == []
