"""How the process of a user-v2 network begins and ends, and what remains."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from ipaddress import IPv4Address
from pathlib import Path

import msgspec
import pytest

from limacore.base.proc import identity
from limacore.errors import HostError, StateError
from limacore.health import networks
from limacore.model.config import Config, Network
from limacore.model.instance import Instance
from limacore.network import client, service
from limacore.network.uplink import Forward
from limacore.paths import HomePaths, NetworkPaths
from tests.unit.network.guest import ONE, TWO, Plug
from tests.unit.network.running import NET, until, uplink_of

pytestmark = pytest.mark.skipif(not any(map(shutil.which, ("qemu-system-x86_64", "qemu-system-aarch64"))),
                                reason="no QEMU for the way out")



def test_a_network_is_started_once_and_keeps_its_leases(network: NetworkPaths, one: Plug) -> None:
    pid = service.running(network)
    service.start(network, NET)
    assert service.running(network) == pid
    second = subprocess.run([sys.executable, "-m", "limatui", "usernet", "-p", str(network.pid)], capture_output=True,
                            text=True, check=False)
    assert second.returncode == 1 and f"pidfile `{network.pid}` already exists" in second.stderr
    service.stop(network)
    assert {each.name for each in network.dir.iterdir()} == {
        "leases.json", "usernet.user-v2.stdout.log", "usernet.user-v2.stderr.log"}
    assert network.leases.read_bytes() == b'{"192.168.104.1":"52:55:55:00:00:01","192.168.104.2":"5a:94:ef:e4:0c:dd"}'
    service.start(network, NET)
    with contextlib.closing(Plug(network.qemu_sock, TWO)) as two:
        two.boot()
        assert str(IPv4Address(two.address)) == "192.168.104.3", "the first one is kept for who had it"


def test_the_hidden_verb_is_such_a_network(lima_home: Path) -> None:
    paths = HomePaths(lima_home).network("lab")
    paths.dir.mkdir(parents=True)
    words = service.argv(paths, NET, {"192.168.104.7": "52:55:55:00:00:01"})
    with subprocess.Popen([sys.executable, "-m", "limatui", "usernet", *words[words.index("-p"):]]) as process:
        until(paths.fd_sock.exists, "its sockets")
        with contextlib.closing(Plug(paths.qemu_sock, ONE)) as one:
            one.boot()
            assert str(IPv4Address(one.address)) == "192.168.104.7"
        assert paths.pid.read_text() == f"{process.pid}\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert list(paths.dir.iterdir()) == []


def test_a_network_that_was_killed_leaves_nothing_and_starts_again(network: NetworkPaths) -> None:
    pid, stack = service.running(network), until(lambda: uplink_of(network), "a stack")
    os.kill(pid, signal.SIGKILL)
    until(lambda: not service.running(network), "the end")
    until(lambda: not identity(stack), "the end of its QEMU")
    assert network.pid.exists()
    service.start(network, NET)
    assert service.running(network) not in (0, pid)


def test_a_machine_that_outlived_its_network_is_found(network: NetworkPaths, lima_home: Path) -> None:
    home = HomePaths(lima_home)
    config = Config(networks=(Network(lima="user-v2"), Network(lima="shared"), Network(socket="/run/other")))
    machine = Instance("a", str(lima_home / "a"), config=config, driver_pid=os.getpid(), started_at=time.time())
    assert not list(networks.networks(home, [machine]))
    older = msgspec.structs.replace(machine, started_at=time.time() - 1000)
    assert [each.id for each in networks.networks(home, [older])] == ["network-lost"]
    service.stop(network)
    found = list(networks.networks(home, [machine, msgspec.structs.replace(machine, driver_pid=0)]))
    assert [(each.id, each.subject) for each in found] == [("network-lost", "instance a")]


def test_a_network_that_cannot_start_says_why(lima_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    paths = HomePaths(lima_home).network("user-v2")
    with pytest.raises(HostError, match="is not installed"):
        service.start(paths, NET)
    long = HomePaths(lima_home / ("x" * 60)).network("user-v2-with-a-long-name")
    with pytest.raises(HostError, match="too long"):
        service.start(long, NET)


def test_a_qemu_without_a_network_stack_says_so_when_a_port_is_to_be_forwarded(
    lima_home: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    qemu = lima_home / "qemu"
    qemu.write_text("#!/bin/sh\necho \"network backend 'user' is not compiled into this binary\" >&2; exit 1\n")
    qemu.chmod(0o755)
    for arch in ("X86_64", "AARCH64"):
        monkeypatch.setenv(f"QEMU_SYSTEM_{arch}", str(qemu))
    paths = HomePaths(lima_home).network("user-v2")
    service.start(paths, NET)
    try:
        with contextlib.closing(Plug(paths.qemu_sock, ONE)) as one:
            one.boot()
            with pytest.raises(StateError, match="'user' is not compiled into this binary"):
                asyncio.run(client.expose(paths.endpoint_sock, Forward("127.0.0.1:1", "192.168.104.1:22")))
    finally:
        service.stop(paths)


def test_the_command_line_is_that_of_limactl(lima_home: Path) -> None:
    """golden/runtime/events/user-v2-pair/usernet-process.txt"""
    paths = HomePaths(lima_home).network("user-v2")
    at = f"{lima_home}/_networks/user-v2"
    words = service.argv(paths, NET, {"192.168.104.2": "5a:94:ef:e4:0c:dd", "192.168.104.1": "52:55:55:00:00:01"})
    assert " ".join(words[words.index("-p"):]) == (
        f"-p {at}/usernet_user-v2.pid -e {at}/user-v2_ep.sock --listen-qemu {at}/user-v2_qemu.sock "
        f"--listen {at}/user-v2_fd.sock --subnet 192.168.104.0/24 "
        "--leases 192.168.104.2=5a:94:ef:e4:0c:dd,192.168.104.1=52:55:55:00:00:01")
