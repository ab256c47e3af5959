"""The QEMU driver with real machines: a guest of one disk sector, up in a fraction of a second."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from limacore.base import proc
from limacore.drivers.base import MachineSpec
from limacore.drivers.catalog import driver
from limacore.drivers.qemu import leftovers, qmp, swtpm
from limacore.errors import DriverError, LimaError, LockedError, StateError
from limacore.model.config import AdditionalDisk, Config, Firmware, Mount, Network, QemuOptions, Video, VmOptions
from limacore.paths import HomePaths, InstancePaths
from limacore.store import disklocks, disks
from tests.vm.firmware_guest import HELLO, write_disk

pytestmark = pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="QEMU is not installed")

CONFIG = Config(memory="64MiB", firmware=Firmware(legacy_bios=True))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def spec(lima_home: Path) -> MachineSpec:
    paths = InstancePaths(lima_home / "fw")
    paths.dir.mkdir()
    write_disk(paths.disk)
    paths.cidata.write_bytes(bytes(65536))
    return MachineSpec("fw", paths, HomePaths(lima_home), CONFIG, free_port())


@pytest.fixture
def told() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def log(told: list[tuple[str, str]]) -> Callable[[str, str], None]:
    return lambda level, text: told.append((level, text))


def changed(spec: MachineSpec, **fields: object) -> MachineSpec:
    return msgspec.structs.replace(spec, config=msgspec.structs.replace(spec.config, **fields))


async def until_true(check: Callable[[], bool]) -> None:
    """For facts that announce themselves to nobody; the test's own time limit ends it."""
    while not check():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def booted(spec: MachineSpec, times: int = 1) -> None:
    await until_true(lambda: spec.paths.serial_log.read_text(errors="replace").count(HELLO) >= times)


def nothing_left(spec: MachineSpec) -> bool:
    return not [path.name for path in spec.paths.dir.iterdir() if path.suffix in (".sock", ".pid", ".tmp")]


def processes_naming(directory: Path) -> list[int]:
    found = (proc.identity(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [each.pid for each in found if each and any(str(directory) in word for word in each.argv)]


async def test_a_machine_boots_and_obeys_the_power_button(spec: MachineSpec, log: Callable[[str, str], None]) -> None:
    async with driver("qemu").run(spec, log) as machine:
        assert machine.pid == int(spec.paths.driver_pid().read_text())
        assert machine.accel in ("kvm", "tcg") and machine.description.endswith(f"q35 · 1 cpu · {machine.accel}")
        for path in (spec.paths.qmp_sock, spec.paths.serial_sock, spec.paths.ga_sock, spec.paths.events_sock):
            assert path.is_socket(), path
        await booted(spec)
        await machine.power_button()
        assert (await machine.exited).code == 0
    assert nothing_left(spec) and proc.identity(machine.pid) is None


async def test_leaving_the_context_ends_a_running_machine(spec: MachineSpec, log: Callable[[str, str], None]) -> None:
    async with driver("qemu").run(spec, log) as machine:
        await booted(spec)
    assert (await machine.exited).code == -signal.SIGKILL
    assert nothing_left(spec) and proc.identity(machine.pid) is None


async def test_killing_is_immediate_and_known(spec: MachineSpec, log: Callable[[str, str], None]) -> None:
    async with driver("qemu").run(spec, log) as machine:
        assert not machine.exited.done()
        await machine.kill()
        assert machine.exited.done()
        with pytest.raises(DriverError):
            await machine.power_button()
    assert nothing_left(spec)


async def test_a_machine_killed_by_others_ends_the_future(spec: MachineSpec, log: Callable[[str, str], None]) -> None:
    async with driver("qemu").run(spec, log) as machine:
        os.kill(machine.pid, signal.SIGKILL)
        assert (await machine.exited).code == -signal.SIGKILL
    assert nothing_left(spec)


@pytest.mark.parametrize("steps", [1, 2, 4, 8, 16, 32, 64, 128, 1024])
async def test_a_start_cancelled_at_any_moment_leaves_nothing(
    spec: MachineSpec, log: Callable[[str, str], None], steps: int,
) -> None:
    async def hold() -> None:
        async with driver("qemu").run(spec, log):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(hold())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() and nothing_left(spec)
    assert not processes_naming(spec.paths.dir)


async def test_events_tell_of_reset_pause_and_shutdown(spec: MachineSpec, log: Callable[[str, str], None]) -> None:
    names: list[str] = []
    async with driver("qemu").run(spec, log) as machine:
        await booted(spec)
        reader, writer = await asyncio.open_unix_connection(spec.paths.serial_sock)
        writer.write(b"r")
        await booted(spec, times=2)
        writer.close()
        await qmp.stop(spec.paths.qmp_sock)
        assert await qmp.query_status(spec.paths.qmp_sock) == "paused"
        await qmp.cont(spec.paths.qmp_sock)
        assert await machine.status() == "running"
        await qmp.power_down(spec.paths.qmp_sock)
        async for event in machine.events():
            names.append(event.name)
    assert reader and names[0] == "RESET" and names[-1] == "SHUTDOWN"
    assert names.index("STOP") < names.index("RESUME") < names.index("POWERDOWN")


async def test_a_held_monitor_does_not_stop_the_power_button(spec: MachineSpec, log: Callable[[str, str], None],
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qmp, "TIMEOUT", 0.3)
    async with driver("qemu").run(spec, log) as machine:
        await booted(spec)
        _, holder = await asyncio.open_unix_connection(spec.paths.qmp_sock)
        with pytest.raises(DriverError, match="does not answer") as caught:
            async with qmp.monitor(spec.paths.qmp_sock, timeout=0.3):
                pass
        assert "one at a time" in caught.value.hint
        await machine.power_button()
        assert (await machine.exited).code == 0
        holder.close()


async def test_a_second_start_is_refused_and_harms_nothing(spec: MachineSpec, log: Callable[[str, str], None]) -> None:
    async with driver("qemu").run(spec, log) as machine:
        await booted(spec)
        with pytest.raises(StateError, match=f"pid {machine.pid}"):
            async with driver("qemu").run(spec, log):
                pass
        assert spec.paths.qmp_sock.is_socket() and HELLO in spec.paths.serial_log.read_text()
        await machine.power_button()
        await machine.exited


async def test_qemu_outlives_a_killed_owner_and_is_found(spec: MachineSpec) -> None:
    script = (
        "import asyncio, msgspec, sys\n"
        "from pathlib import Path\n"
        "from limacore.drivers.base import MachineSpec\n"
        "from limacore.drivers.catalog import driver\n"
        "from limacore.model.config import Config, Firmware\n"
        "from limacore.paths import HomePaths, InstancePaths\n"
        "home = Path(sys.argv[1])\n"
        "config = Config(memory='64MiB', firmware=Firmware(legacy_bios=True))\n"
        "spec = MachineSpec('fw', InstancePaths(home / 'fw'), HomePaths(home), config, int(sys.argv[2]))\n"
        "async def main():\n"
        "    async with driver('qemu').run(spec, lambda level, text: None) as machine:\n"
        "        print('up', flush=True); await machine.exited\n"
        "asyncio.run(main())\n"
    )
    said: asyncio.Queue[str] = asyncio.Queue()
    argv = [sys.executable, "-c", script, str(spec.home.home), str(spec.ssh_port)]
    async with proc.spawn(argv, stdout=said.put_nowait) as owner:
        assert await said.get() == "up"
        os.kill(owner.pid, signal.SIGKILL)
        await owner.wait()
        orphan = leftovers.running(spec.paths)
        assert orphan and orphan.pid == int(spec.paths.driver_pid().read_text())
        await booted(spec)
        assert await qmp.query_status(spec.paths.qmp_sock) == "running"
        assert await qmp.query_status(spec.paths.events_sock) == "running"
        await qmp.power_down(spec.paths.qmp_sock)
        await until_true(lambda: proc.identity(orphan.pid) is None)


async def test_serial_logs_of_earlier_boots_stay(spec: MachineSpec, log: Callable[[str, str], None]) -> None:
    for hello in ("first", "second", "third"):
        write_disk(spec.paths.disk, hello)
        async with driver("qemu").run(spec, log):
            await until_true(lambda text=hello: text in spec.paths.serial_log.read_text())  # type: ignore[misc]
    paths = spec.paths
    logs = [paths.serial_log, paths.earlier(paths.serial_log, 1), paths.earlier(paths.serial_log, 2)]
    said = [[word for word in ("first", "second", "third") if word in each.read_text()] for each in logs]
    assert said == [["third"], ["second"], ["first"]]


async def _refused(spec: MachineSpec, log: Callable[[str, str], None]) -> LimaError:
    with pytest.raises(LimaError) as caught:
        async with driver("qemu").run(spec, log):
            pass
    assert nothing_left(spec)
    return caught.value


async def test_a_taken_port_is_said(spec: MachineSpec, log: Callable[[str, str], None]) -> None:
    with socket.create_server(("127.0.0.1", spec.ssh_port)):
        error = await _refused(spec, log)
    assert f"port {spec.ssh_port} is already taken" in error.message


async def test_a_missing_disk_is_said(spec: MachineSpec, log: Callable[[str, str], None]) -> None:
    spec.paths.cidata.unlink()
    assert "cidata.iso" in (await _refused(spec, log)).message


async def test_an_unknown_cpu_is_said(spec: MachineSpec, log: Callable[[str, str], None]) -> None:
    cpus = VmOptions(qemu=QemuOptions(cpu_type={"x86_64": "NoSuchCPU"}))
    assert "cpu `NoSuchCPU`" in (await _refused(changed(spec, vm_opts=cpus), log)).message


async def test_a_missing_swtpm_is_said(
    spec: MachineSpec, log: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(swtpm, "PROGRAM", "swtpm-nowhere")
    assert "install the package `swtpm`" in (await _refused(changed(spec, tpm=True), log)).hint


@pytest.mark.parametrize("fields", [
    {"networks": (Network(lima="user-v2"),)},
    {"arch": "vax"},
    {"additional_disks": (AdditionalDisk(name="nowhere"),)},
])
async def test_what_is_not_there_is_said_before_anything_runs(
    spec: MachineSpec, log: Callable[[str, str], None], fields: dict[str, object],
) -> None:
    error = await _refused(changed(spec, **fields), log)
    assert error.hint


async def test_additional_disks_are_held_while_the_machine_runs(
    spec: MachineSpec, log: Callable[[str, str], None],
) -> None:
    for name in ("one", "two"):
        disks.create(spec.home, name, "1MiB", "raw")
    both = changed(spec, additional_disks=(AdditionalDisk(name="one"), AdditionalDisk(name="two")))
    other = InstancePaths(spec.home.home / "other")
    other.dir.mkdir()
    async with driver("qemu").run(both, log):
        assert {disklocks.holder_of(spec.home.disks / name) for name in ("one", "two")} == {str(spec.paths.dir)}
        later = msgspec.structs.replace(changed(both, additional_disks=both.config.additional_disks[1:]),
                                        name="other", paths=other)
        with pytest.raises(LockedError, match="`two` is in use by instance `fw`"):
            async with driver("qemu").run(later, log):
                pass
    assert not disklocks.holder_of(spec.home.disks / "one") and not disklocks.holder_of(spec.home.disks / "two")


async def test_vnc_gets_a_password_and_says_where(spec: MachineSpec, log: Callable[[str, str], None]) -> None:
    seen = changed(spec, video=Video(display="vnc"))
    password, display = spec.paths.dir / "vncpassword", spec.paths.dir / "vncdisplay"
    async with driver("qemu").run(seen, log):
        assert len(set(password.read_text())) == 8 and password.stat().st_mode & 0o777 == 0o600
        host, _, number = display.read_text().partition(":")
        reader, writer = await asyncio.open_connection(host, 5900 + int(number))
        assert (await reader.readexactly(4)) == b"RFB "
        writer.close()
    assert not password.exists() and not display.exists()


async def test_a_missing_mount_location_is_made(spec: MachineSpec, log: Callable[[str, str], None],
                                               told: list[tuple[str, str]]) -> None:
    location = spec.home.home / "shared" / "a,b"
    mounted = changed(spec, mount_type="9p", mounts=(Mount(location=str(location), mount_point="/mnt"),))
    async with driver("qemu").run(mounted, log):
        assert location.is_dir()
    assert any(level == "warning" and str(location) in text for level, text in told)


async def test_what_qemu_prints_is_in_the_log(spec: MachineSpec, log: Callable[[str, str], None],
                                             told: list[tuple[str, str]]) -> None:
    async with driver("qemu").run(spec, log):
        pass
    assert any(text.startswith("qemu[stderr]: WARNING: Image format") for _, text in told)
