"""One instance from creation to deletion, as a user does it on the command line."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import psutil
import pytest

from limacore.base.http1 import request_sync
from tests.vm.conftest import LIMATUI, Cli, left_behind, until


def test_the_whole_path(tiny: Cli) -> None:
    directory = tiny.home / "t"
    assert tiny.state("t") == "Stopped"
    assert (directory / "disk").readlink() == Path("diffdisk")
    assert (directory / "basedisk").exists()
    assert (directory / "lima-version").read_text() == "2.2.0"
    assert (tiny.home / "_config/user").stat().st_mode & 0o777 == 0o600
    assert "build:tiny" not in (directory / "lima.yaml").read_text()

    started = tiny("start", "t")
    assert "READY. Run `limatui shell t` to open the shell." in started.stderr
    entry = tiny.listed("t")
    assert (entry["status"], entry["limatui"]["status"]) == ("Running", "Running")
    assert entry["limatui"]["evidence"]

    assert tiny("shell", "t", "echo", "a b; c", "$HOME").stdout == "a b; c $HOME\n"
    assert tiny("shell", "t", "sh", "-c", "exit 7", check=False).returncode == 7
    assert tiny("shell", "t", "sudo", "id", "-u").stdout == "0\n"
    ssh = ["ssh", "-F", directory / "ssh.config", "lima-t", "hostname"]
    plain = subprocess.run(ssh, capture_output=True, text=True)
    assert plain.stdout == "lima-t\n", plain.stderr

    again = tiny("start", "t")
    assert again.returncode == 0
    assert "is already running" in again.stderr

    tiny("stop", "t")
    assert tiny.state("t") == "Stopped"
    assert not left_behind(tiny.home)
    refused = tiny("stop", "t", check=False)
    assert refused.returncode == 1
    assert "expected status `Running`, got `Stopped`" in refused.stderr

    tiny("protect", "t")
    assert "protected" in tiny("delete", "-f", "t", check=False).stderr
    tiny("unprotect", "t")
    tiny("delete", "t")
    assert not directory.exists()


def test_events_and_logs_have_the_shape_that_limactl_follows(tiny: Cli) -> None:
    tiny("start", "t")
    directory = tiny.home / "t"
    events = [json.loads(line) for line in (directory / "ha.stdout.log").read_text().splitlines()]
    assert all(set(event) == {"time", "status"} for event in events)
    booting = next(event["status"] for event in events if "sshLocalPort" in event["status"])
    assert booting["sshLocalPort"] == tiny.listed("t")["sshLocalPort"]
    assert any(event["status"].get("running") for event in events)
    logged = [json.loads(line) for line in (directory / "ha.stderr.log").read_text().splitlines()]
    assert all({"level", "msg", "time"} <= set(line) for line in logged)
    info = request_sync(directory / "ha.sock", "/v1/info")
    assert json.loads(info.body)["sshLocalPort"] == tiny.listed("t")["sshLocalPort"]
    tiny("stop", "t")
    last = json.loads((directory / "ha.stdout.log").read_text().splitlines()[-1])
    assert last["status"]["exiting"] is True


def test_a_guest_port_is_forwarded_and_taken_back(tiny: Cli) -> None:
    tiny("start", "t")
    server = "import socket; c, _ = socket.create_server(('127.0.0.1', 8123)).accept(); c.sendall(b'hello')"
    guest = tiny.spawn("shell", "t", "python3", "-c", server)
    try:
        assert until(_greeting, "the forwarded port answers", 60) == b"hello"
        assert guest.wait(60) == 0
        until(lambda: not _listens(8123), "the host listener goes", 30)
    finally:
        guest.kill()
        guest.communicate()
    _a_thousand_ports(tiny)
    _a_port_that_the_host_has(tiny)
    tiny("stop", "t")
    assert not left_behind(tiny.home)


OPENER = """
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
for line in sys.stdin:
    first, count = map(int, line.split())
    held = [socket.create_server(("127.0.0.1", port)) for port in range(first, first + count)]
"""


def _a_thousand_ports(cli: Cli) -> None:
    """More at once than one message of the agent holds, then others: all are followed, and nothing stays open."""
    first = 10000 + os.getpid() % 20 * 1000
    with subprocess.Popen([*LIMATUI, "shell", "t", "python3", "-c", OPENER], env=cli.env(), text=True, bufsize=1,
                          stdin=subprocess.PIPE) as guest:
        assert guest.stdin
        before = until(lambda: _held(cli), "the connection", 30)
        for start, count in ((first, 700), (first + 700, 300)):
            print(start, count, file=guest.stdin, flush=True)
            until(lambda count=count: _held(cli)["forwards"] == before["forwards"] + count, "the host follows", 60)
            print(0, 0, file=guest.stdin, flush=True)
            until(lambda: _held(cli) == before, "all is closed again", 60)
        guest.stdin.close()


def _held(cli: Cli) -> dict[str, int]:
    """What a host agent and its ssh master hold for forwards."""
    directory = cli.home / "t"
    check = ["ssh", "-F", str(directory / "ssh.config"), "-O", "check", "lima-t"]
    master = subprocess.run(check, capture_output=True, text=True).stderr.partition("pid=")[2].partition(")")[0]
    status = json.loads(request_sync(directory / "ha.sock", "/v1/limatui/status").body)
    return {"forwards": len(status["forwards"]), "agent": len(list(Path(f"/proc/{cli.pid('t', 'ha')}/fd").iterdir())),
            "listeners": sum(each.status == "LISTEN" for each in psutil.Process(int(master)).net_connections())}


def _a_port_that_the_host_has(cli: Cli) -> None:
    """It is told with its owner, and forwarded once the owner lets go."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        serve = f"import socket; socket.create_server(('127.0.0.1', {port})).accept()"
        guest = cli.spawn("shell", "t", "python3", "-c", serve)
        failed = until(lambda: _forward(cli, port, "failed"), "told", 30)
        assert f"in use by {psutil.Process().name()} (pid {os.getpid()})" in failed["error"], failed
    until(lambda: _forward(cli, port, "forwarding"), "forwarded after all", 60)
    with socket.create_connection(("127.0.0.1", port)):
        guest.communicate(timeout=60)


def _forward(cli: Cli, port: int, state: str) -> dict[str, str]:
    rows = [json.loads(line) for line in cli("forward", "list", "--json", "t").stdout.splitlines()]
    return next((row for row in rows if row["host"] == f"127.0.0.1:{port}" and row["state"] == state), {})


def _greeting() -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", 8123), 5) as connection:
            return connection.recv(16)
    except OSError:
        return b""


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_second_boot_keeps_the_disk_and_the_logs_of_the_first(tiny: Cli) -> None:
    tiny("start", "t")
    tiny("shell", "t", "sh", "-c", "echo kept > ~/file && sync")
    first = (tiny.home / "t/serial.log").read_bytes()
    tiny("restart", "t")
    assert tiny("shell", "t", "cat", "file").stdout == "kept\n"
    assert (tiny.home / "t/serial.1.log").read_bytes().startswith(first[:2000])
    tiny("stop", "t")
    files = {path.name for path in (tiny.home / "t").iterdir()}
    tiny("start", "t")
    tiny("stop", "t")
    assert not left_behind(tiny.home)
    assert {path.name for path in (tiny.home / "t").iterdir()} - files == {"serial.2.log", "serialv.2.log"}


def test_an_additional_disk_is_locked_while_attached(cli: Cli) -> None:
    cli("disk", "create", "data", "--size", "64MiB")
    template = cli.home / "with-disk.yaml"
    template.write_text("base: template:tiny\nadditionalDisks: [data]\n")
    cli("create", "--name=t", str(template), timeout=900)
    cli("start", "t")
    assert (cli.home / "_disks/data/in_use_by").readlink() == cli.home / "t"
    assert "vdb" in cli("shell", "t", "cat", "/proc/partitions").stdout
    held = cli("disk", "delete", "data", check=False)
    assert (held.returncode, "in use" in held.stderr) == (1, True)
    cli("stop", "t")
    assert not left_behind(cli.home)
    cli("delete", "t")
    cli("disk", "delete", "data")
    assert not (cli.home / "_disks/data").exists()


@pytest.mark.parametrize("signal_name", ["TERM", "INT"])
def test_the_agent_stops_on_either_signal(tiny: Cli, signal_name: str) -> None:
    tiny("start", "t")
    agent, machine = tiny.pid("t", "ha"), tiny.pid("t", "qemu")
    subprocess.run(["kill", f"-{signal_name}", str(agent)], check=True)
    until(lambda: not Path(f"/proc/{agent}").exists() and not Path(f"/proc/{machine}").exists(), "both end", 60)
    assert not left_behind(tiny.home)


def test_several_start_at_once_and_one_that_fails_stops_no_other(tiny: Cli) -> None:
    tiny("clone", "t", "u")
    done = tiny("start", "t", "nobody", "u", check=False)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert all(any(f'msg="{name}: ' in line for name in ("t", "u", "nobody")) for line in lines[:-1]), done.stderr
    assert "1 of 3 instances could not be started" in lines[-1]
    said = "".join(lines)
    assert "u: READY. Run `limatui shell u`" in said
    assert "t: READY. Run `limatui shell t`" in said
    assert "nobody: open" in said
    first = {name: said.index(f"{name}: Starting the instance") for name in "tu"}
    assert max(first.values()) < said.index("READY")
    assert (tiny.state("t"), tiny.state("u")) == ("Running", "Running")
    assert "t: The instance `t` is already running" in tiny("start", "t", "u").stderr
    tiny("stop", "t", "u")
    assert not left_behind(tiny.home)
