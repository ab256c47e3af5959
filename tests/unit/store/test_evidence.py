"""Evidence from real processes, sockets and files."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from limacore.model.instance import Status
from limacore.paths import HomePaths, InstancePaths
from limacore.store import evidence
from limacore.store.scan import inspect, scan

YAML = "images: [{location: /srv/i.img}]\ncpus: 1\nmemory: 1GiB\ndisk: 2GiB\n"


@contextlib.contextmanager
def process(*words: str) -> Iterator[int]:
    """A process of ours with `words` in its command line, ready when it printed."""
    code = "import sys, time; print('up', flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", code, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    try:
        yield child.pid
    finally:
        child.communicate()


@contextlib.contextmanager
def host_agent(paths: InstancePaths, answer: bytes) -> Iterator[None]:
    """Something that listens on ha.sock and says `answer` to each request; says nothing when empty."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(paths.ha_sock))
    server.listen()
    held: list[socket.socket] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                held.append(connection)
                if answer:
                    connection.recv(4096)
                    connection.sendall(answer)
                    connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()
        for connection in held:
            connection.close()


INFO = b'HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{"sshLocalPort":41234}'


@pytest.fixture
def paths(lima_home: Path) -> InstancePaths:
    made = InstancePaths(lima_home / "t")
    made.dir.mkdir()
    made.lima_yaml.write_text(YAML)
    return made


def _look(paths: InstancePaths) -> Status:
    return inspect(HomePaths(paths.dir.parent), "t").status


def test_nothing_runs(paths: InstancePaths) -> None:
    assert _look(paths) is Status.STOPPED


def test_running_starting_stopping(paths: InstancePaths) -> None:
    home = HomePaths(paths.dir.parent)
    with process(str(paths.ha_pid)) as agent, process(f"{paths.dir}/disk") as qemu, host_agent(paths, INFO):
        paths.ha_pid.write_text(f"{agent}\n")
        paths.driver_pid().write_text(f"{qemu}\n")
        assert _look(paths) is Status.STARTING
        paths.ha_stdout.write_text('{"time":"2999-01-01T00:00:00Z","status":{"running":true}}\n')
        instance = inspect(home, "t")
        assert instance.status is Status.RUNNING
        assert (instance.ssh_port, instance.ha_pid, instance.driver_pid) == (41234, agent, qemu)
        assert abs(instance.started_at - Path(f"/proc/{qemu}").stat().st_ctime) < 5
        with paths.ha_stdout.open("a") as log:
            log.write('{"time":"2999-01-01T00:00:01Z","status":{"running":true,'
                      '"step":{"name":"stop","state":"active"}}}\n')
        assert _look(paths) is Status.STOPPING
    assert _look(paths) is Status.STOPPED
    assert paths.ha_pid.exists(), "looking changes nothing"


def test_a_machine_of_vz_is_the_host_agent_itself(paths: InstancePaths) -> None:
    paths.lima_yaml.write_text(YAML + "vmType: vz\n")
    with process(str(paths.ha_sock)) as agent, host_agent(paths, INFO):
        paths.ha_pid.write_text(f"{agent}\n")
        paths.ha_stdout.write_text('{"time":"2999-01-01T00:00:00Z","status":{"running":true}}\n')
        paths.driver_pid().write_text(f"{agent}\n")  # of another driver, as an edit of vmType leaves it
        assert _look(paths) is Status.ORPHAN_AGENT
        paths.driver_pid("vz").write_text(f"{agent}\n")
        found = inspect(HomePaths(paths.dir.parent), "t")
        assert (found.status, found.ha_pid, found.driver_pid, found.vm_type) == (Status.RUNNING, agent, agent, "vz")
    assert _look(paths) is Status.STOPPED  # limactl leaves vz.pid behind


def test_sizes_of_wsl_are_not_known(paths: InstancePaths) -> None:
    paths.lima_yaml.write_text(YAML + "vmType: wsl2\n")
    found = inspect(HomePaths(paths.dir.parent), "t")
    assert (found.status, found.cpus, found.memory, found.disk) == (Status.STOPPED, 0, 0, 0)


def test_orphans(paths: InstancePaths) -> None:
    with process(str(paths.dir / "x")) as pid:
        paths.driver_pid().write_text(str(pid))
        assert _look(paths) is Status.ORPHAN_QEMU
        paths.driver_pid().unlink()
        paths.ha_pid.write_text(str(pid))
        paths.ha_stdout.write_text('{"time":"2999-01-01T00:00:00Z","status":{"running":true}}\n')
        assert _look(paths) is Status.ORPHAN_AGENT


def test_a_reused_pid_is_a_stranger(paths: InstancePaths) -> None:
    with process("something", "else", str(paths.dir) + "other/disk") as pid:
        paths.ha_pid.write_text(str(pid))
        paths.driver_pid().write_text(str(pid))
        instance = inspect(HomePaths(paths.dir.parent), "t")
    assert instance.status is Status.STOPPED
    assert any("another program" in sentence for sentence in instance.evidence)


def test_a_zombie_is_dead(paths: InstancePaths) -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass", str(paths.dir / "x")])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    paths.ha_pid.write_text(str(child.pid))
    assert not evidence.process_fact(paths.ha_pid, paths.dir).pid
    child.wait()


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "1 2", "99999999999999999999", "\0", "12\n34"])
def test_a_pid_file_without_pid_is_broken(paths: InstancePaths, text: str) -> None:
    paths.ha_pid.write_text(text)
    instance = inspect(HomePaths(paths.dir.parent), "t")
    assert instance.status is Status.BROKEN
    assert "ha.pid" in instance.errors[0]


def test_sockets(paths: InstancePaths) -> None:
    assert evidence.ask_host_agent(paths.ha_sock)[0] == "missing"
    with host_agent(paths, INFO):
        state, info = evidence.ask_host_agent(paths.ha_sock)
        assert (state, info.ssh_local_port) == ("answers", 41234)
    assert evidence.ask_host_agent(paths.ha_sock)[0] == "refused"
    paths.ha_sock.unlink()
    with host_agent(paths, b""):
        assert evidence.ask_host_agent(paths.ha_sock, limit=0.05)[0] == "timeout"
    paths.ha_sock.unlink()
    with host_agent(paths, b"HTTP/1.1 200 OK\r\n\r\nnot json"):
        assert evidence.ask_host_agent(paths.ha_sock)[0] == "answers"


def test_scan(lima_home: Path) -> None:
    home = HomePaths(lima_home)
    assert scan(home) == ()
    for name, text in (("good", YAML), ("broken", "cpus: [\n"), ("wrong", YAML + "arch: z80\n"), ("bad name", YAML)):
        (lima_home / name).mkdir()
        (lima_home / name / "lima.yaml").write_text(text)
    for name in ("_config", ".hidden", "empty"):
        (lima_home / name).mkdir()
    (lima_home / "file").touch()
    (lima_home / "link").symlink_to("good")
    found = {each.name: each for each in scan(home)}
    assert list(found) == ["bad name", "broken", "empty", "good", "wrong"]
    assert found["good"].status is Status.STOPPED
    assert all(found[name].status is Status.BROKEN and found[name].errors for name in found if name != "good")
    assert (found["good"].memory, found["good"].disk) == (1 << 30, 2 << 30)


def test_a_scan_sees_what_changed(paths: InstancePaths) -> None:
    home = HomePaths(paths.dir.parent)
    first = scan(home)
    assert scan(home) == first
    paths.lima_yaml.write_text(YAML.replace("cpus: 1", "cpus: 3"))
    paths.ssh_config.write_text("Host x\n  Port 1234\n")
    paths.protected.touch()
    (changed,) = scan(home)
    assert (changed.cpus, changed.ssh_port, changed.protected) == (3, 1234, True)
    paths.lima_yaml.write_text(YAML + "message: '{{.Name}} on {{.SSHLocalPort}}'\n")
    assert scan(home)[0].message == "t on 1234"
    paths.lima_yaml.write_text(YAML + "message: '{{'\n")
    assert scan(home)[0].status is Status.BROKEN
    paths.ssh_config.write_text("nothing\n")
    assert "port not found" in " ".join(scan(home)[0].errors)


def test_the_home_of_the_reference_tool(lima_home: Path, golden: Path) -> None:
    source = golden / "homes" / "limactl-2.2-stopped" / "gold"
    target = lima_home / "gold"
    target.mkdir()
    for file in source.iterdir():
        text = file.read_bytes().replace(b"@LIMA_HOME@", str(lima_home).encode()).replace(b"@HOME@", b"/home/u")
        (target / file.name).write_bytes(text)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(target / "disk"), "6G"], check=True)
    (instance,) = scan(HomePaths(lima_home))
    assert (instance.status, instance.errors) == (Status.STOPPED, ())
    assert f"Port {instance.ssh_port}\n" in (target / "ssh.config").read_text()
    assert instance.message == f"gold is ready in {target}"


def test_a_broken_file_says_where_and_what_was_expected(paths: InstancePaths) -> None:
    paths.lima_yaml.write_text(YAML.replace("cpus: 1", "cpus: many"))
    (error,) = inspect(HomePaths(paths.dir.parent), "t").errors
    where = f"failed to unmarshal YAML (main file `{paths.lima_yaml}`): [2:7] "
    assert error.startswith(where + "cannot unmarshal string into Go struct field LimaYAML.CPUs of type int\n")
