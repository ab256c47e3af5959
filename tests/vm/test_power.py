"""A machine that stands still, that is kept in its disk, and that goes on: with its memory, clock, ports and mounts."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from limacore.base import qcowsnapshots
from limacore.drivers.qemu import qmp
from limacore.model.suspension import TAG
from tests.vm.conftest import Cli, left_behind, until

SERVER = """\
import socket
server = socket.create_server(("0.0.0.0", 7777))
while True:
    client = server.accept()[0]
    client.sendall(b"hello")
    client.close()
"""


def _answers(cli: Cli, *command: str) -> str:
    return str(until(lambda: cli("shell", "t", *command, check=False, timeout=60).stdout.strip(), "it answers", 120))


def _in_guest(cli: Cli, script: str) -> str:
    return cli("shell", "--workdir=/", "t", "sh", "-c", script, timeout=120).stdout.strip()


def _greeting(port: int) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            return connection.recv(64)
    except OSError:
        return b""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _create(cli: Cli, extra: str = "") -> None:
    template = cli.home / "t.yaml"
    template.write_text(f"base: template:tiny\n{extra}")
    cli("create", "--name=t", str(template), timeout=900)


def test_a_machine_pauses_and_goes_on_and_is_suspended_and_goes_on(cli: Cli) -> None:
    shared, port = cli.home / "shared", _free_port()
    shared.mkdir()
    _create(cli, f"mounts: [{{location: {shared}, mountPoint: /mnt/shared, writable: true}}]\n"
                 f"portForwards: [{{guestPort: 7777, hostPort: {port}}}]\n")
    cli("start", "t")
    boot = _in_guest(cli, "cat /proc/sys/kernel/random/boot_id; echo kept >/dev/shm/mark; "
                          f"sudo modprobe virtio_balloon; setsid python3 -c '{SERVER}' </dev/null >/dev/null 2>&1 &")
    until(lambda: b"hello" in _greeting(port), "the port is forwarded", 60)

    cli("pause", "t")
    assert cli.state("t") == "Paused"
    assert cli.listed("t")["status"] == "Running", "limactl knows no such word"
    assert "Paused" in cli("list").stdout
    for refused in (("shell", "t", "true"), ("start", "t"), ("memory", "get", "t")):
        done = cli(*refused, check=False, timeout=60)
        assert (done.returncode, "limatui resume t" in done.stderr) == (1, True), done.stderr
    assert "paused" in cli("suspend", "t", check=False).stderr
    cli("resume", "t")
    assert cli.state("t") == "Running"
    assert _answers(cli, "cat", "/dev/shm/mark") == "kept"
    assert b"hello" in _greeting(port)
    assert "is not paused" in cli("resume", "t", check=False).stderr

    assert cli("memory", "get", "t").stdout == "512MiB of 512MiB\n"
    assert "400MiB of 512MiB" in cli("memory", "set", "t", "400MiB").stderr
    assert json.loads(cli("memory", "get", "--json", "t").stdout)["bytes"] == 400 << 20
    assert "can be given" in cli("memory", "set", "t", "1GiB", check=False).stderr

    before = cli.listed("t")
    cli("suspend", "t")
    entry = cli.listed("t")
    assert (entry["status"], entry["limatui"]["status"]) == ("Stopped", "Suspended")
    assert not left_behind(cli.home)
    assert TAG not in cli("snapshot", "list", "t").stdout
    assert qcowsnapshots.is_untouched(cli.home / "t/disk", TAG)
    for refused in (("clone", "t", "u"), ("stop", "t"), ("shell", "t", "true")):
        done = cli(*refused, check=False, timeout=60)
        assert (done.returncode, "suspended" in done.stderr) == (1, True), done.stderr

    cli("start", "--strict", "t")
    assert _in_guest(cli, "cat /proc/sys/kernel/random/boot_id") == boot
    assert _in_guest(cli, "cat /dev/shm/mark") == "kept"
    assert abs(int(_in_guest(cli, "date +%s")) - time.time()) < 10
    assert cli.listed("t")["sshLocalPort"] == before["sshLocalPort"]
    until(lambda: b"hello" in _greeting(port), "the port is forwarded again", 60)
    (shared / "new").write_text("from the host")
    assert _in_guest(cli, "cat /mnt/shared/new") == "from the host"
    assert not (cli.home / "t/suspended.json").exists(), "it must never be loaded twice"
    until(lambda: TAG not in qcowsnapshots.tags(cli.home / "t/disk"), "the room is given back", 60)
    _console_echoes(cli.home / "t/serial.sock")
    cli("stop", "t")
    assert not left_behind(cli.home)


def _console_echoes(path: Path) -> None:
    """Nobody was connected to it when the memory was loaded."""
    with socket.socket(socket.AF_UNIX) as console:
        console.connect(str(path))
        console.settimeout(60)
        console.sendall(b"nobody\r")
        heard = b""
        while b"nobody" not in heard:
            heard += console.recv(4096)


def test_a_state_that_does_not_fit_is_not_loaded(cli: Cli) -> None:
    _create(cli)
    cli("start", "t")
    _in_guest(cli, "echo kept >/dev/shm/mark; echo saved >~/file; sync")
    cli("suspend", "t")
    home = cli.home / "t"
    shutil.copy(home / "suspended.json", cli.home / "kept.json")

    # An agent that dies between loading and letting go: nothing of the guest has run, so it may be loaded again.
    starting = cli.spawn("start", "t")
    until(lambda: (home / "qemu.pid").exists(), "QEMU runs", 60)
    os.kill(cli.pid("t", "ha"), signal.SIGKILL)
    starting.communicate(timeout=60)
    until(lambda: cli.state("t") not in ("Starting", "Running"), "the loss is seen", 90)
    _kill(cli)
    if (home / "suspended.json").exists():  # else it died a moment later
        assert cli.state("t") == "Suspended"
        assert qcowsnapshots.is_untouched(home / "disk", TAG)

    # The record comes back from a backup after somebody has written to the disk.
    subprocess.run(["qemu-io", "-c", "write -P 0 4090M 64k", home / "disk"], check=True, capture_output=True)
    shutil.copy(cli.home / "kept.json", home / "suspended.json")
    said = cli("start", "t").stderr
    assert "the guest boots" in said
    assert "was changed since" in said
    assert _in_guest(cli, "cat /dev/shm/mark 2>/dev/null; cat ~/file") == "saved"
    assert not (home / "suspended.json").exists()
    cli("stop", "-f", "t")
    assert TAG not in qcowsnapshots.tags(home / "disk")


def _kill(cli: Cli) -> None:
    """What a power cut does to QEMU."""
    try:
        os.kill(cli.pid("t", "qemu"), signal.SIGKILL)
    except (ProcessLookupError, FileNotFoundError):
        return
    until(lambda: cli.state("t") in ("Stopped", "Suspended"), "it has ended", 60)


def test_a_machine_whose_disk_is_raw_is_not_touched(cli: Cli) -> None:
    cli("disk", "create", "data", "--size=16MiB", "--format=raw")
    _create(cli, "additionalDisks: [{name: data, format: false}]\n")
    cli("start", "t")
    done = cli("suspend", "t", check=False)
    assert (done.returncode, "must be qcow2" in done.stderr) == (1, True), done.stderr
    assert cli.state("t") == "Running"
    assert cli("memory", "get", "t", check=False).returncode == 1, "its kernel has loaded no driver"
    assert _in_guest(cli, "echo here") == "here"
    cli("pause", "t")
    cli("stop", "t")
    assert "powered itself off" not in (cli.home / "t/ha.stderr.log").read_text()
    assert not left_behind(cli.home)


@pytest.mark.skipif(not shutil.which("swtpm"), reason="swtpm is not installed")
def test_a_machine_has_a_tpm(cli: Cli) -> None:
    _create(cli, "tpm: true\n")
    starting = cli.spawn("start", "t")
    events = cli.home / "t/ha.stdout.log"
    until(lambda: events.exists() and b"sshLocalPort" in events.read_bytes(), "QEMU answers", 60)
    found = asyncio.run(qmp.ask(cli.home / "t/qmp.sock", "query-tpm"))
    assert [each["model"] for each in found] == ["tpm-crb"]
    cli("stop", "-f", "t")
    starting.communicate(timeout=60)
    assert (cli.home / "t/swtpm/tpm2-00.permall").stat().st_size > 0
    assert not left_behind(cli.home)
