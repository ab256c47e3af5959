"""krunkit: its command line, what is refused, and a whole run with a real program in its place."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from limacore.drivers import catalog
from limacore.drivers.base import Exit, MachineSpec
from limacore.drivers.krunkit import words
from limacore.drivers.krunkit.machine import KrunkitDriver
from limacore.drivers.mac import Mac
from limacore.drivers.vz import plan
from limacore.errors import DriverError
from limacore.model.config import AdditionalDisk, Config, Mount, Network
from limacore.model.mount import tag
from limacore.model.network import NamedNetwork, NetworkPaths, Networks, mac_address
from limacore.paths import HomePaths

LIMIT = 20.0
NETWORKS = Networks(paths=NetworkPaths(var_run="/run/lima"), networks={
    "user-v2": NamedNetwork(mode="user-v2"), "shared": NamedNetwork(mode="shared")})
MAC = Mac((15,), "aarch64")
INNER = (Network(lima="user-v2"),)


@pytest.fixture
def spec(tmp_path_factory: pytest.TempPathFactory) -> MachineSpec:
    home = HomePaths(tmp_path_factory.mktemp("k"))
    paths = home.instance("one")
    paths.dir.mkdir()
    paths.disk.write_bytes(bytes(4096))
    config = Config(vm_type="krunkit", arch="aarch64", mount_type="virtiofs", cpus=2, memory="1GiB", networks=INNER)
    return MachineSpec("one", paths, home, config, 60022, NETWORKS)


def changed(spec: MachineSpec, **fields: object) -> MachineSpec:
    return replace(spec, config=replace(spec.config, **fields))


def argv(spec: MachineSpec) -> list[str]:
    return words.argv("krunkit", spec, plan.describe(spec, MAC.macos), {0: 7, 2: 8})


def test_the_least_command_line(spec: MachineSpec) -> None:
    here, mac = spec.paths.dir, mac_address(str(spec.paths.dir))
    assert " ".join(argv(spec)) == (
        f"krunkit --memory 1024 --cpus 2 --device virtio-serial,logFilePath={here}/serial.log --krun-log-level 3 "
        f"--restful-uri none:// --device virtio-blk,path={here}/disk,format=raw "
        f"--device virtio-blk,path={here}/cidata.iso --device virtio-vsock,port=2222,socketURL={here}/ga.sock,connect "
        f"--device virtio-net,type=unixgram,fd=7,mac={mac}")


MOUNT = Mount(location="/a", mount_point="/m")


@pytest.mark.parametrize(("fields", "expected"), [
    ({"mounts": (MOUNT,)}, [f"virtio-fs,sharedDir=/a,mountTag={tag(MOUNT)}"]),
    ({"additional_disks": (AdditionalDisk(name="d"),)}, ["virtio-blk,path=HOME/_disks/d/datadisk,format=raw"]),
    ({"networks": (*INNER, Network(lima="shared", mac_address="52:55:55:0:0:2"),
                   Network(lima="user-v2", mac_address="52:55:55:0:0:3"))},
     ["virtio-net,type=unixstream,path=/run/lima/socket_vmnet.shared,mac=52:55:55:0:0:2",
      "virtio-net,type=unixgram,fd=8,mac=52:55:55:0:0:3"]),
    ({"nested_virtualization": True}, ["--nested"]),
])
def test_what_is_there_on_demand(spec: MachineSpec, fields: dict[str, object], expected: list[str]) -> None:
    more = [word for word in argv(changed(spec, **fields)) if word not in argv(spec)]
    assert [word.replace(str(spec.home.home), "HOME") for word in more] == expected


@pytest.mark.parametrize(("fields", "mac", "expected"), [
    ({}, MAC, ""), ({"mount_type": "reverse-sshfs"}, MAC, ""), ({"nested_virtualization": True}, MAC, ""),
    ({}, Mac((12,), "aarch64"), "macOS 13"), ({}, Mac((15,), "x86_64"), "`arch: aarch64`"),
    ({"os": "Windows"}, MAC, "`os: Windows`"), ({"mount_type": "9p"}, MAC, "`mountType: 9p`"),
    ({"tpm": True}, MAC, "`tpm`"), ({"nested_virtualization": True}, Mac((14,), "aarch64"), "macOS 15"),
    ({"networks": ()}, MAC, "no network of its own"),
    ({"networks": (*INNER, Network(vz_nat=True))}, MAC, "no `vzNAT`"),
])
def test_what_is_refused(spec: MachineSpec, fields: dict[str, object], mac: Mac, expected: str) -> None:
    found = changed(spec, **fields)
    wanted = plan.describe(found, mac.macos)
    if not expected:
        words.require(found.config, wanted, mac)
        return
    with pytest.raises(DriverError) as caught:
        words.require(found.config, wanted, mac)
    assert expected in caught.value.detail


@pytest.mark.parametrize(("printed", "fits"), [
    ("krunkit 1.2.1\n", True), ("krunkit 1.10.0", True), ("krunkit 1.2.0", False), ("krunkit", False), ("", False),
])
def test_versions(printed: str, fits: bool) -> None:
    if fits:
        words.require_version(printed)
        return
    with pytest.raises(DriverError, match=r"1\.2\.1 or newer"):
        words.require_version(printed)


STUB = """#!{python}
import json, os, signal, socket, sys
if sys.argv[1:] == ["--version"]:
    print("krunkit 1.2.1")
    sys.exit()
fd = int(next(word for word in sys.argv if "unixgram" in word).split("fd=")[1].split(",")[0])
socket.socket(fileno=fd).send(json.dumps(sys.argv[1:]).encode())
print("libkrun says something", file=sys.stderr, flush=True)
signal.pause()
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "krunkit"
    path.write_text(STUB.format(python=sys.executable))
    path.chmod(0o755)
    return path


@pytest.fixture
def network(spec: MachineSpec) -> Iterator[socket.socket]:
    """What takes frames in the place of the daemon of user-v2."""
    folder = spec.home.networks / "user-v2"
    folder.mkdir(parents=True)
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(folder / "user-v2_fd.sock"))
        server.listen(1)
        yield server


def frames_of(server: socket.socket) -> socket.socket:
    connection, _ = server.accept()
    with closing(connection):
        _, (fd,), _, _ = socket.recv_fds(connection, 1, 1)
    return socket.socket(fileno=fd)


async def test_a_run_hands_over_the_frames_and_ends_by_sigterm(
    spec: MachineSpec, program: Path, network: socket.socket,
) -> None:
    paths = spec.paths
    async with asyncio.timeout(LIMIT), KrunkitDriver(str(program), MAC).run(spec, lambda *_: None) as machine:
        with closing(frames_of(network)) as end:
            end.settimeout(LIMIT)
            assert json.loads(await asyncio.to_thread(end.recv, 1 << 16))[:4] == ["--memory", "1024", "--cpus", "2"]
        assert paths.driver_pid("krunkit").read_text() == f"{machine.pid}\n"
        assert machine.description == "krunkit · 2 cpus"
        while not (paths.dir / "krunkit.log").read_text():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await machine.power_button()
        assert await machine.exited == Exit(0, "libkrun says something")
    assert sorted(path.name for path in paths.dir.iterdir()) == ["disk", "krunkit.log"]


async def test_leaving_ends_it_and_a_crash_has_its_code(
    spec: MachineSpec, program: Path, network: socket.socket,
) -> None:
    async with asyncio.timeout(LIMIT):
        async with KrunkitDriver(str(program), MAC).run(spec, lambda *_: None) as machine:
            os.kill(machine.pid, signal.SIGSEGV)
            assert (await machine.exited).code == -signal.SIGSEGV
        async with KrunkitDriver(str(program), MAC).run(spec, lambda *_: None) as machine:
            pid = machine.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_it_is_there_where_its_program_is(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "krunkit" not in catalog.available("darwin")
    monkeypatch.setenv("PATH", str(program.parent))
    assert catalog.available("darwin") == ("qemu", "vz", "krunkit")
    assert catalog.driver("krunkit", "darwin").name == "krunkit"
    with pytest.raises(DriverError, match="`krunkit` is not available on this system"):
        catalog.driver("krunkit", "linux")
