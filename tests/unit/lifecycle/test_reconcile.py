"""Networks start for whom needs them and end when nobody does; with real networks and stand-ins for machines."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from limacore.base.proc import ended
from limacore.errors import ConfigError
from limacore.lifecycle.reconcile import joined, joining, reconcile
from limacore.model.config import Config, Network
from limacore.network import service
from limacore.paths import HomePaths
from tests.unit.lifecycle.instances import YAML, make, running

ON_NETWORK = YAML + "networks: [{lima: user-v2}]\n"
CONFIG = Config(networks=(Network(lima="user-v2"), Network(socket="/run/other")))
needs_qemu = pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="no qemu-system-x86_64 for the way out")


@pytest.fixture
def net(home: HomePaths) -> Iterator[HomePaths]:
    try:
        yield home
    finally:
        service.stop(home.network("user-v2"))


def pid(home: HomePaths) -> int:
    return service.running(home.network("user-v2"))


@needs_qemu
def test_a_network_lives_while_a_machine_that_wants_it_does(net: HomePaths) -> None:
    make(net, "other", disk="")
    paths = make(net, "a", yaml=ON_NETWORK, disk="")
    with ThreadPoolExecutor() as pool:
        def join(_: int) -> int:
            with joined(net, CONFIG):
                return pid(net)

        first = set(pool.map(join, range(4)))
    assert len(first) == 1 and 0 not in first, "four at once start one"
    with running(paths, "ha.pid"):
        reconcile(net)
        assert {pid(net)} == first
        os.kill(*first, signal.SIGKILL)
        asyncio.run(ended(*first))
        reconcile(net)
        assert pid(net) not in (0, *first), "one that died is started again"
    with running(net.instance("other"), "ha.pid"):
        reconcile(net)
    assert not pid(net) and net.network("user-v2").leases.exists()


@needs_qemu
def test_a_network_that_was_deleted_from_networks_yaml_ends(net: HomePaths) -> None:
    net.config.mkdir(parents=True)
    net.networks_yaml.write_text("networks: {lab: {mode: user-v2, gateway: 10.9.0.1}}\n")
    with joined(net, Config(networks=(Network(lima="lab"),))):
        pass
    assert service.running(net.network("lab"))
    net.networks_yaml.unlink()
    reconcile(net)
    assert not service.running(net.network("lab"))


@needs_qemu
def test_nothing_ends_while_an_instance_cannot_be_asked(net: HomePaths, told: list[str]) -> None:
    with joined(net, CONFIG):
        pass
    (net.home / "half").mkdir()
    reconcile(net)
    assert pid(net) and told[-1].startswith("warning Skipping instance `half` during network reconcile")
    (net.home / "half").rmdir()
    reconcile(net)
    assert not pid(net)


@needs_qemu
def test_nobody_ends_a_network_between_its_start_and_its_first_machine(net: HomePaths) -> None:
    with ThreadPoolExecutor() as pool:
        with joined(net, CONFIG):
            started = pid(net)
            waiting = pool.submit(reconcile, net)
            paths = make(net, "a", yaml=ON_NETWORK, disk="")
            with contextlib.ExitStack() as machine:
                machine.enter_context(running(paths, "ha.pid"))
                keep = machine.pop_all()
        with keep:
            waiting.result()
            assert pid(net) == started


async def test_who_is_cancelled_while_waiting_for_his_turn_takes_none(home: HomePaths) -> None:
    config = Config(networks=(Network(lima="shared"),))  # needs a turn, and nothing is started for it here
    async with asyncio.TaskGroup() as group, joining(home, config):
        waiting = group.create_task(_enter(home, config))
        await asyncio.sleep(0.1)
        waiting.cancel()
        await asyncio.wait([waiting])
    async with asyncio.timeout(30), joining(home, config):
        pass


async def _enter(home: HomePaths, config: Config) -> None:
    async with joining(home, config):
        raise AssertionError("it was not its turn")


def test_who_joins_no_network_starts_none(home: HomePaths) -> None:
    with joined(home, Config()):
        assert not home.networks.exists() and home.networks_yaml.exists()


def test_a_network_whose_addresses_make_no_sense_says_so(home: HomePaths) -> None:
    home.config.mkdir(parents=True)
    home.networks_yaml.write_text("networks: {user-v2: {mode: user-v2, gateway: 10.0.0.1, netmask: 255.0.255.0}}\n")
    with pytest.raises(ConfigError, match="cannot be used"), joined(home, CONFIG):
        pass
