"""A host agent with a real machine and the tiny guest: a boot, ports, reboots, and every way to end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import statistics
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from limacore import hostlink
from limacore.base.proc import identity
from limacore.errors import StateError
from limacore.hostlink import LogLine
from limacore.images.build import BuiltImage, build
from limacore.model.event import Event, EventStatus
from limacore.paths import HomePaths, InstancePaths, cache_dir

BOOT_TIME = 120.0


@pytest.fixture(scope="module")
def image() -> BuiltImage:
    return asyncio.run(build("tiny", cache_dir()))


@pytest.fixture
def paths(lima_home: Path, image: BuiltImage) -> Iterator[InstancePaths]:
    """An instance `t`, made by hand out of the image."""
    paths = HomePaths(lima_home).instance("t")
    paths.dir.mkdir()
    shutil.copyfile(image.kernel, paths.kernel)
    shutil.copyfile(image.initrd, paths.initrd)
    paths.kernel_cmdline.write_text(image.cmdline)
    subprocess.run(["qemu-img", "create", "-qf", "qcow2", "-F", _format(image.image), "-b", image.image, paths.disk,
                    "4G"], check=True)
    paths.lima_yaml.write_text(
        f'images: [{{location: "{image.image}", arch: x86_64}}]\n'
        "cpus: 1\nmemory: 512MiB\ndisk: 4GiB\nmounts: []\nfirmware: {legacyBIOS: true}\n"
        "containerd: {system: false, user: false}\n"
        "portForwards: [{guestPort: 22222, ignore: true}]\n")
    yield paths
    for pid in (_pid(paths.ha_pid), _pid(paths.driver_pid())):
        with contextlib.suppress(ProcessLookupError):
            if identity(pid):
                os.kill(pid, signal.SIGKILL)


class Started:
    """A started agent and what it has told."""

    def __init__(self, paths: InstancePaths, pid: int, since: float) -> None:
        self.paths, self.pid = paths, pid
        self.lines = hostlink.follow(paths, pid, since)

    async def until(self, wanted: str) -> EventStatus:
        """The first event for which `wanted` (a member of its status) is there."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BOOT_TIME):
                async for line in self.lines:
                    if isinstance(line, Event) and getattr(line.status, wanted) and (
                            wanted != "running" or line.status == _plain(line.status)):
                        return line.status
        logs = (path.read_text(errors="replace")[-4000:]
                for path in (self.paths.serial_log, self.paths.ha_stderr, self.paths.ha_stdout))
        raise AssertionError(f"no event with {wanted}\n" + "\n---\n".join(logs))


def _plain(status: EventStatus) -> EventStatus:
    return EventStatus(running=status.running, ssh_local_port=status.ssh_local_port)


@contextlib.asynccontextmanager
async def started(paths: InstancePaths) -> AsyncIterator[Started]:
    since = time.time()
    pid = hostlink.spawn(paths)
    await hostlink.wait_owned(paths, pid)
    run = Started(paths, pid, since)
    yield run
    await run.lines.aclose()


async def test_boot_ports_and_graceful_stop(paths: InstancePaths, capsys: pytest.CaptureFixture[str]) -> None:
    begin = time.time()
    async with started(paths) as run:
        ready = await run.until("running")
        assert not ready.degraded
        assert (await hostlink.info(paths)).ssh_local_port == ready.ssh_local_port
        status = await hostlink.status(paths, metrics=True)
        assert status.phase == "running" and status.agent == "answering" and status.accel
        assert [step.state for step in status.steps] == ["done"] * 7
        told = time.time() - begin
        appear, vanish = await _port_latency(run)
        with capsys.disabled():
            print(f"\nready {told:.1f} s, port up {appear:.1f} ms, port down {vanish:.1f} ms, PSS {_pss(run.pid)} MB")
        assert _pss(run.pid) <= 30
        hostlink.interrupt(paths)
        assert not (await run.until("exiting")).errors
        await _gone(run.pid)
        _nothing_left(paths)


async def test_idle_agent_sleeps(paths: InstancePaths) -> None:
    async with started(paths) as run:
        await run.until("running")
        await asyncio.sleep(2)
        before = _switches(run.pid)
        await asyncio.sleep(8)
        assert _switches(run.pid) - before <= 8
        hostlink.interrupt(paths)
        await run.until("exiting")
        await _gone(run.pid)


async def test_killed_agent_leaves_the_machine(paths: InstancePaths) -> None:
    async with started(paths) as run:
        await run.until("running")
        os.kill(run.pid, signal.SIGKILL)
        with pytest.raises(StateError):
            await run.until("exiting")
        machine = identity(_pid(paths.driver_pid()))
        assert machine and str(paths.dir) in " ".join(machine.argv)
        # What a guest has not written yet is lost with the power, as on a real computer.
        assert _ssh(paths, "sync").returncode == 0
        os.kill(machine.pid, signal.SIGKILL)
        await _gone(machine.pid)
    async with started(paths) as again:
        await again.until("running")
        hostlink.interrupt(paths)
        await again.until("exiting")
        await _gone(again.pid)
        _nothing_left(paths)


async def test_poweroff_and_reboot_from_inside(paths: InstancePaths) -> None:
    async with started(paths) as run:
        await run.until("running")
        before = _boot_id(paths)
        _ssh(paths, "sudo reboot")
        await run.until("running")
        assert _boot_id(paths) not in ("", before)
        _ssh(paths, "sudo poweroff")
        assert not (await run.until("exiting")).errors
        await _gone(run.pid)
        _nothing_left(paths)


async def test_stop_while_it_boots(paths: InstancePaths) -> None:
    async with started(paths) as run:
        while (step := (await run.until("step")).step) and step.name != "init":
            pass
        hostlink.interrupt(paths)
        await run.until("exiting")
        await _gone(run.pid)
        _nothing_left(paths)


async def test_taken_ssh_port_is_refused_by_name(paths: InstancePaths) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        paths.lima_yaml.write_text(paths.lima_yaml.read_text() + f"ssh: {{localPort: {number}}}\n")
        pid = hostlink.spawn(paths)
        with pytest.raises(StateError, match=rf"port {number}.*in use by {psutil.Process().name()}"):
            async for line in hostlink.follow(paths, pid):
                assert isinstance(line, LogLine)
        _nothing_left(paths)


async def test_second_agent_is_refused(paths: InstancePaths) -> None:
    async with started(paths) as run:
        await run.until("ssh_local_port")
        log = paths.dir / "second.log"
        with log.open("w") as out:
            second = await asyncio.to_thread(
                subprocess.run, hostlink.argv(paths), stdout=out, stderr=out, timeout=30, cwd="/",
                env={**os.environ, "LIMA_HOME": str(paths.dir.parent)})
        assert second.returncode == 1 and f"already be running with pid {run.pid}" in log.read_text()
        assert _pid(paths.ha_pid) == run.pid
        hostlink.interrupt(paths)
        hostlink.interrupt(paths)
        await run.until("exiting")
        await _gone(run.pid)


GUEST_PROGRAM = """
import socket, sys
for line in sys.stdin:
    if line == 'open\\n':
        server = socket.create_server(('127.0.0.1', 7777))
    elif line == 'close\\n':
        server.close()
    print('done', flush=True)
"""


async def _port_latency(run: Started) -> tuple[float, float]:
    """Median milliseconds from bind and close in the guest until the host's listener follows.

    The way of the command into the guest is measured by itself and taken off."""
    program = await asyncio.create_subprocess_exec(
        "ssh", "-F", str(run.paths.ssh_config), "lima-t", f'exec python3 -c "{GUEST_PROGRAM}"',
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    times: dict[str, list[float]] = {"nothing": [], "open": [], "close": []}
    await _tell(program, "nothing", None)
    for _ in range(11):
        for command, wanted in (("nothing", None), ("open", True), ("close", False)):
            times[command].append(await _tell(program, command, wanted))
    program.terminate()
    await program.wait()
    way, appear, vanish = (1000 * statistics.median(times[each]) for each in ("nothing", "open", "close"))
    return appear - way / 2, vanish - way / 2


async def _tell(program: asyncio.subprocess.Process, command: str, wanted: bool | None) -> float:
    """Seconds until the guest has done it, or until the host listens or no longer does."""
    assert program.stdin and program.stdout
    begin = time.perf_counter()
    program.stdin.write(f"{command}\n".encode())
    while wanted is not None and _listening(7777) is not wanted:  # noqa: ASYNC110 - the kernel tells nobody
        await asyncio.sleep(0.001)
    if wanted is None:
        await program.stdout.readline()
        return time.perf_counter() - begin
    took = time.perf_counter() - begin
    await program.stdout.readline()
    return took


def _listening(port: int) -> bool:
    table = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(row.split()[1] == f"0100007F:{port:04X}" and row.split()[3] == "0A" for row in table)


def _format(image: Path) -> str:
    with image.open("rb") as file:
        return "qcow2" if file.read(4) == b"QFI\xfb" else "raw"


def _pid(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def _pss(pid: int) -> int:
    """Proportional set size in MB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("Pss:"))) // 1000


def _switches(pid: int) -> int:
    """Voluntary context switches of all threads: each is a wake-up."""
    texts = (task.joinpath("status").read_text() for task in Path(f"/proc/{pid}/task").iterdir())
    return sum(int(line.split()[1]) for text in texts for line in text.splitlines() if line.startswith("voluntary"))


def _ssh(paths: InstancePaths, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ssh", "-F", paths.ssh_config, "lima-t", command], capture_output=True, text=True,
                          timeout=60)


def _boot_id(paths: InstancePaths) -> str:
    return _ssh(paths, "cat /proc/sys/kernel/random/boot_id").stdout


async def _gone(pid: int) -> None:
    async with asyncio.timeout(30):
        while identity(pid):  # noqa: ASYNC110 - it is not our child
            await asyncio.sleep(0.01)


def _nothing_left(paths: InstancePaths) -> None:
    left = [path.name for path in paths.dir.iterdir() if path.name.endswith((".pid", ".sock", ".tmp"))]
    processes = subprocess.run(["pgrep", "-f", f"{paths.dir}/"], capture_output=True, text=True).stdout.split()
    assert not left and not processes
