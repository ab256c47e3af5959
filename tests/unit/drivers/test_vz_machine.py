"""vz, a whole run: real files, sockets, pipes and threads; only the framework is a recorder."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import socket
import stat
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from types import ModuleType

import pytest

from limacore.base import diskformat
from limacore.base.host import machine as host_arch
from limacore.drivers.base import Exit, Machine, MachineSpec
from limacore.drivers.vz import frames, framework
from limacore.drivers.vz.machine import VzDriver
from limacore.drivers.vz.plan import Card, FrameSocket, Nat, StreamSocket
from limacore.errors import DriverError, HostError
from limacore.hostagent import port
from limacore.model.config import AdditionalDisk, Config, Mount, Network, Rosetta, Ssh, VmOptions, VzOptions
from limacore.model.network import mac_address
from limacore.paths import HomePaths
from tests.vzrecorder import Error, Recorder, guest

LIMIT = 20.0


@pytest.fixture
def spec(tmp_path_factory: pytest.TempPathFactory) -> MachineSpec:
    home = HomePaths(tmp_path_factory.mktemp("v"))
    paths = home.instance("one")
    paths.dir.mkdir()
    paths.disk.write_bytes(bytes(4096))
    paths.cidata.write_bytes(b"")
    config = Config(vm_type="vz", arch=host_arch(), mount_type="virtiofs", cpus=2, memory="1GiB")
    return MachineSpec("one", paths, home, config, port.pick(0))


def changed(spec: MachineSpec, **fields: object) -> MachineSpec:
    from msgspec.structs import replace

    return replace(spec, config=replace(spec.config, **fields))


class Story:
    """What was logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, level: str, message: str) -> None:
        self.lines.append(f"{level} {message}")


def driver(recorder: Recorder, leases: Path = Path("/nowhere/leases")) -> VzDriver:
    return VzDriver(lambda: recorder, leases)


@asynccontextmanager
async def started(
    spec: MachineSpec, recorder: Recorder, log: Story | None = None, leases: Path = Path("/nowhere/leases"),
) -> AsyncIterator[Machine]:
    async with asyncio.timeout(LIMIT), driver(recorder, leases).run(spec, log or Story()) as machine:
        yield machine


async def read(reader: asyncio.StreamReader, size: int) -> bytes:
    async with asyncio.timeout(LIMIT):
        return await reader.readexactly(size)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_one_run_from_start_to_power_off(spec: MachineSpec) -> None:
    recorder, paths = Recorder(), spec.paths
    async with started(spec, recorder) as machine:
        assert recorder.lines[-3:] == [
            "VZVirtualMachine.initWithConfiguration_queue_(VZVirtualMachineConfiguration, queue(limatui.one))",
            "VZVirtualMachine.setDelegate_(delegate)",
            "VZVirtualMachine.startWithCompletionHandler_(handler)",
        ]
        assert paths.driver_pid("vz").read_text() == f"{os.getpid()}\n"
        assert (machine.pid, machine.accel, machine.description) == (os.getpid(), "hvf", "vz · 2 cpus")
        assert paths.vz_identifier.read_bytes() == b"made"
        await machine.power_button()
        assert recorder.lines[-1] == "VZVirtualMachine.requestStopWithError_(None)"
        recorder.ended("")
        assert await asyncio.wait_for(machine.exited, LIMIT) == Exit(0)
    assert "VZVirtualMachine.stopWithCompletionHandler_(handler)" not in recorder.lines
    assert sorted(path.name for path in paths.dir.iterdir()) == ["cidata.iso", "disk", "serialv.log", "vz-identifier"]


async def test_leaving_ends_the_machine_and_so_does_kill(spec: MachineSpec) -> None:
    recorder = Recorder()
    async with started(spec, recorder) as machine:
        exited = machine.exited
    assert exited.result() == Exit(0)
    assert recorder.lines[-1] == "VZVirtualMachine.stopWithCompletionHandler_(handler)"
    async with started(spec, recorder) as machine:
        await machine.kill()
        assert machine.exited.result() == Exit(0)
    assert (spec.paths.dir / "serialv.1.log").exists()


async def test_a_crash_is_an_exit_with_the_framework_s_words(spec: MachineSpec) -> None:
    recorder = Recorder()
    async with started(spec, recorder) as machine:
        recorder.ended("The guest crashed.")
        assert await asyncio.wait_for(machine.exited, LIMIT) == Exit(1, "The guest crashed.")


@pytest.mark.parametrize(("selector", "message"), [
    ("startWithCompletionHandler_", "cannot start the machine"), ("validateWithError_", "does not take"),
])
async def test_a_machine_that_does_not_start_leaves_nothing(spec: MachineSpec, selector: str, message: str) -> None:
    recorder = Recorder()
    recorder.failing[selector] = "No."
    with pytest.raises(DriverError, match=message) as caught:
        async with started(spec, recorder):
            pass
    assert caught.value.detail == "No."
    left = {path.name for path in spec.paths.dir.iterdir()}
    assert left == {"cidata.iso", "disk", "serialv.log", "vz-identifier"}


async def test_a_guest_that_cannot_be_asked_is_an_error(spec: MachineSpec) -> None:
    recorder = Recorder()
    async with started(spec, recorder) as machine:
        recorder.failing["requestStopWithError_"] = "Not running."
        with pytest.raises(DriverError, match="cannot ask the guest"):
            await machine.power_button()


async def test_a_system_without_the_framework_is_told_what_is_missing(spec: MachineSpec) -> None:
    with pytest.raises(HostError, match="needs Apple's Virtualization framework") as caught:
        VzDriver().run(spec, Story())
    assert "pyobjc-framework-Virtualization" in caught.value.hint


class _NSObject:
    @classmethod
    def alloc(cls) -> _NSObject:
        return cls()

    def init(self) -> _NSObject:
        return self


def test_pyobjc_is_taken_as_it_is_and_its_delegate_tells_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {name: ModuleType(name) for name in ("Foundation", "Virtualization", "libdispatch")}
    modules["Foundation"].NSObject = _NSObject  # type: ignore[attr-defined]
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(platform, "mac_ver", lambda: ("15.5", ("", "", ""), "arm64"))
    framework._pyobjc.cache_clear()
    found = framework.load()
    assert (found.vz, found.foundation, found.dispatch) == (
        modules["Virtualization"], modules["Foundation"], modules["libdispatch"])
    assert found.macos == (15, 5)
    assert framework.load() is found
    told: list[str] = []
    for _ in range(2):
        delegate = found.delegate(told.append)
        delegate.guestDidStopVirtualMachine_(None)
        delegate.virtualMachine_didStopWithError_(None, Error("It broke."))
    assert told == ["", "It broke."] * 2
    framework._pyobjc.cache_clear()


async def test_mount_locations_are_made(spec: MachineSpec, tmp_path: Path) -> None:
    mounts = (Mount(location=str(tmp_path / "new"), mount_point="/m"),)
    async with started(changed(spec, mounts=mounts), Recorder()):
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o750


async def test_what_the_rules_refuse_calls_nothing(spec: MachineSpec) -> None:
    recorder = Recorder(macos=(12, 6))
    with pytest.raises(DriverError, match="cannot run this instance"):
        async with started(spec, recorder):
            pass
    assert recorder.lines == []


async def test_the_console_goes_to_the_log_and_to_one_viewer(
    spec: MachineSpec, monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = Recorder()
    given: list[int] = []
    handle = Recorder.called

    def called(self: Recorder, kind: str, label: str, selector: str, arguments: tuple[object, ...]) -> object:
        if kind == "NSFileHandle":
            given.append(arguments[0])  # type: ignore[arg-type]
        return handle(self, kind, label, selector, arguments)

    monkeypatch.setattr(Recorder, "called", called)
    log = spec.paths.serial("serialv", "log")
    async with started(spec, recorder):
        for_guest, from_guest = given
        os.write(from_guest, b"booting\r\n")
        await until(lambda: log.read_bytes() == b"booting\r\n")
        reader, writer = await asyncio.open_unix_connection(spec.paths.serial("serialv", "sock"))
        writer.write(b"root\n")
        assert await asyncio.to_thread(os.read, for_guest, 100) == b"root\n"
        second, _ = await asyncio.open_unix_connection(spec.paths.serial("serialv", "sock"))
        assert await asyncio.wait_for(second.read(), LIMIT) == b""
        os.write(from_guest, b"Password:")
        assert await read(reader, 9) == b"Password:"
        writer.close()
    assert log.read_bytes() == b"booting\r\nPassword:"


async def test_the_agent_s_socket_and_the_ssh_port_lead_to_vsocks(spec: MachineSpec) -> None:
    recorder, log = Recorder(), Story()
    recorder.ports[2222], agents = guest(b"hello\n")
    recorder.ports[22], _ = guest(b"SSH-2.0-x\r\n")
    async with started(spec, recorder, log):
        reader, writer = await asyncio.open_unix_connection(spec.paths.ga_sock)
        assert await read(reader, 6) == b"hello\n"
        writer.write(b"ask\n")
        assert await asyncio.to_thread(agents[0].recv, 100) == b"ask\n"
        writer.write_eof()
        assert await asyncio.to_thread(agents[0].recv, 100) == b""
        agents[0].close()
        assert await asyncio.wait_for(reader.read(), LIMIT) == b""
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", spec.ssh_port)
            assert await read(reader, 4) == b"SSH-"
            writer.close()
    assert [line for line in log.lines if "leads to" in line] == [
        f"info 127.0.0.1:{spec.ssh_port} leads to vsock port 22"]
    assert "VZVirtioSocketDevice.connectToPort_completionHandler_(2222, handler)" in recorder.lines


async def test_the_agent_is_waited_for_and_ssh_is_refused_while_nobody_listens(spec: MachineSpec) -> None:
    recorder, log = Recorder(), Story()
    async with started(spec, recorder, log):
        reader, _ = await asyncio.open_connection("127.0.0.1", spec.ssh_port)
        assert await asyncio.wait_for(reader.read(), LIMIT) == b""
        reader, writer = await asyncio.open_unix_connection(spec.paths.ga_sock)
        writer.write(b"ask\n")
        asked = "VZVirtioSocketDevice.connectToPort_completionHandler_(2222, handler)"
        await until(lambda: recorder.lines.count(asked) >= 2)
        recorder.ports[2222], agents = guest(b"hello\n")
        assert await read(reader, 6) == b"hello\n"
        assert await asyncio.to_thread(agents[0].recv, 100) == b"ask\n"
        agents[0].close()
    waiting = [line for line in log.lines if "waiting for the guest" in line]
    assert waiting == ["debug waiting for the guest: vsock port 2222 does not answer: connection reset by peer"]


@pytest.mark.parametrize("over_vsock", [None, False])
async def test_ssh_falls_back_to_the_address_that_macos_gave(
    spec: MachineSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, over_vsock: bool | None,
) -> None:
    from limacore.drivers.vz import plan

    server = await asyncio.start_server(lambda _, writer: writer.write(b"SSH-2.0-lan"), "127.0.0.2", 0)
    monkeypatch.setattr(plan, "SSH_PORT", server.sockets[0].getsockname()[1])
    lease = tmp_path / "leases"
    lease.write_text(f"{{\n\tip_address=127.0.0.2\n\thw_address=1,{mac_address(str(spec.paths.dir))}\n\tlease=0x1\n}}\n")
    recorder, log = Recorder(), Story()
    async with started(changed(spec, ssh=Ssh(over_vsock=over_vsock)), recorder, log, lease):
        reader, writer = await asyncio.open_connection("127.0.0.1", spec.ssh_port)
        assert await read(reader, 11) == b"SSH-2.0-lan"
        writer.close()
    server.close()
    assert any("leads to the guest's address" in line for line in log.lines)
    assert any("connectToPort" in line for line in recorder.lines) is (over_vsock is None)


async def test_a_user_mode_network_forwards_the_ssh_port_itself(spec: MachineSpec) -> None:
    folder = spec.home.networks / "user-v2"
    folder.mkdir(parents=True)
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(folder / "user-v2_fd.sock"))
        server.listen(1)
        recorder = Recorder()
        async with started(changed(spec, networks=(Network(lima="user-v2"),)), recorder):
            assert not [line for line in recorder.lines if "VZNATNetworkDeviceAttachment" in line]
            assert [line for line in recorder.lines if "VZFileHandleNetworkDeviceAttachment.init" in line]
            socket.create_server(("127.0.0.1", spec.ssh_port)).close()  # the port is free for the network's daemon


async def test_a_taken_ssh_port_is_an_error_that_names_it(spec: MachineSpec) -> None:
    with closing(socket.create_server(("127.0.0.1", spec.ssh_port))), pytest.raises(DriverError) as caught:
        async with started(spec, Recorder()):
            pass
    assert str(spec.ssh_port) in caught.value.message  # the host agent takes another one then


@pytest.mark.parametrize(("availability", "failing", "said", "installs"), [
    (2, "", "", False), (1, "", "", True), (0, "", "no Rosetta for Linux", False), (1, "Refused.", "Refused.", True),
])
async def test_rosetta_is_installed_where_it_is_missing_and_left_out_where_that_fails(
    spec: MachineSpec, availability: int, failing: str, said: str, installs: bool,
) -> None:
    recorder, log = Recorder(availability=availability), Story()
    if failing:
        recorder.failing["installRosettaWithCompletionHandler_"] = failing
    async with started(changed(spec, vm_opts=VmOptions(vz=VzOptions(rosetta=Rosetta(enabled=True)))), recorder, log):
        pass
    assert any("installRosetta" in line for line in recorder.lines) is installs
    assert any("Unable to configure Rosetta" in line and said in line for line in log.lines) is bool(said)
    assert any("validateTag_error_(vz-rosetta" in line for line in recorder.lines) is not bool(said)


def make_qcow2(path: Path) -> None:
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path), "1M"], check=True)
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write -q -P 7 4096 512", str(path)], check=True)


async def test_additional_disks_become_raw_and_are_held_meanwhile(spec: MachineSpec) -> None:
    folder = spec.home.disks / "data"
    folder.mkdir(parents=True)
    image = folder / "datadisk"
    make_qcow2(image)
    async with started(changed(spec, additional_disks=(AdditionalDisk(name="data"),)), Recorder()):
        assert (folder / "in_use_by").readlink() == spec.paths.dir
        assert diskformat.read(image) == diskformat.DiskImage("raw", 1 << 20)
        assert image.read_bytes()[4096:4608] == b"\7" * 512
    assert not (folder / "in_use_by").is_symlink()


async def test_a_main_disk_of_another_format_is_refused_with_the_way_out(spec: MachineSpec) -> None:
    make_qcow2(spec.paths.disk)
    with pytest.raises(DriverError, match="is a qcow2 image") as caught:
        async with started(spec, Recorder()):
            pass
    assert "qemu-img convert" in caught.value.hint


async def test_frames_are_handed_to_a_user_mode_network(tmp_path: Path) -> None:
    path = tmp_path / "x_fd.sock"
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(path))
        server.listen(1)
        async with frames.connected((Card("a", Nat()), Card("b", FrameSocket(path)))) as found:
            connection, _ = server.accept()
            _, (fd,), _, _ = socket.recv_fds(connection, 1, 1)
            with closing(connection), closing(socket.socket(fileno=fd)) as network:
                assert network.type == socket.SOCK_DGRAM
                assert list(found) == [1]
                os.write(found[1], b"one frame")
                os.write(found[1], b"another")
                assert [network.recv(100), network.recv(100)] == [b"one frame", b"another"]
                network.send(b"back")
                assert os.read(found[1], 100) == b"back"


async def test_frames_are_carried_to_a_daemon_with_their_lengths(tmp_path: Path) -> None:
    path = tmp_path / "vmnet.sock"
    came: asyncio.Queue[bytes] = asyncio.Queue()

    async def daemon(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(struct.pack(">I", 5) + b"to")
        writer.write(b"you" + struct.pack(">I", 3) + b"two")
        (length,) = struct.unpack(">I", await reader.readexactly(4))
        came.put_nowait(await reader.readexactly(length))

    server = await asyncio.start_unix_server(daemon, path)
    async with asyncio.timeout(LIMIT), frames.connected((Card("a", StreamSocket(path)),)) as found:
        os.write(found[0], b"x" * 1500)
        assert await came.get() == b"x" * 1500
        assert await asyncio.to_thread(os.read, found[0], 100) == b"toyou"
        assert await asyncio.to_thread(os.read, found[0], 100) == b"two"
    server.close()


@pytest.mark.parametrize("to", [FrameSocket(Path("/nowhere/a.sock")), StreamSocket(Path("/nowhere/b.sock"))])
async def test_a_network_that_does_not_run_is_named(to: FrameSocket | StreamSocket) -> None:
    with pytest.raises(DriverError, match="is not running") as caught:
        async with frames.connected((Card("a", to),)):
            pass
    assert re.search(str(to.path), caught.value.detail)
