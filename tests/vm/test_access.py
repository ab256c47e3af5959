"""Into a running guest: shell, copy, tunnel, screenshot; and an instance that limactl's host agent runs."""

from __future__ import annotations

import json
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.vm.conftest import Cli, left_behind, until

AS_LIMACTL = "import sys; sys.argv[0] = 'limactl'; from limatui.__main__ import main; sys.exit(main())"
# What every host agent answers; ours answers more.
OTHER_AGENT = """
import http.server, os, socketserver, sys
class Agent(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.path == "/v1/info"
        body = b'{"sshLocalPort":%d}' % int(sys.argv[2]) if known else b"404 page not found\\n"
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self): return "client"
    def log_message(self, *words): pass
print("ready", flush=True)
socketserver.UnixStreamServer(sys.argv[1], Agent).serve_forever()
"""


@pytest.fixture
def vm(cli: Cli) -> Cli:
    """A running tiny guest with a display."""
    cli("create", "--name=t", "--set", '.video.display = "vnc"', "template:tiny", timeout=900)
    cli("start", "t", timeout=300)
    return cli


def limactl(cli: Cli, *words: str, check: int | None = 0, **env: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-c", AS_LIMACTL, *words], capture_output=True, text=True, timeout=120,
                          cwd=cli.home, stdin=subprocess.DEVNULL, env=cli.env(**env))
    assert check is None or done.returncode == check, f"{words}: {done.stdout}{done.stderr}\n{cli.logs()}"
    assert "Traceback" not in done.stderr
    return done


def test_into_the_guest_and_back(vm: Cli, tmp_path: Path) -> None:
    _shells(vm)
    _copies(vm, tmp_path)
    _tunnel(vm)
    _pictures(vm, tmp_path)
    with _AnotherAgent(vm, "u"):
        assert vm.listed("u")["status"] == "Running"
        assert limactl(vm, "shell", "u", "hostname").stdout == "lima-t\n"
        assert limactl(vm, "copy", "--backend=scp", "u:/etc/hostname", str(tmp_path / "name")).stdout == ""
        assert (tmp_path / "name").read_text() == "lima-t\n"
        assert "404" in limactl(vm, "screenshot", "u", check=1).stderr
    _reconnected(vm)


def _shells(vm: Cli) -> None:
    for _ in range(2):  # the second takes the quick path, over the shared connection itself
        ended = vm("shell", "t", "sh", "-c", "cat; echo no >&2; exit 7", check=False)
        assert (ended.returncode, ended.stdout, ended.stderr) == (7, "", "no\n")
        assert vm("shell", "t", "echo", "a b", "$HOME", "it's").stdout == "a b $HOME it's\n"
        assert limactl(vm, "shell", "t", "sh", "-c", "exit 7", check=7).stdout == ""
    assert vm("shell", "--workdir", "/tmp", "t", "pwd").stdout == "/tmp\n"
    assert vm("shell", "--workdir", "/nowhere", "t", "pwd", check=False).returncode == 1
    kept = vm("shell", "--preserve-env", "t", "printenv", "MY_VAR", MY_VAR="it's\n$x")
    assert kept.stdout == "it's\n$x\n"
    assert vm("shell", "t", "printenv", "MY_VAR", check=False, MY_VAR="x").returncode == 1
    assert vm("shell", "t", "MY_VAR=a b", "printenv", "MY_VAR").stdout == "a b\n"
    assert limactl(vm, "shell", "--start", "--shell", "/bin/sh", "--instance", "t", "id", "-un").stdout.strip()


def _copies(vm: Cli, tmp_path: Path) -> None:
    (tmp_path / "tree/sub").mkdir(parents=True)
    (tmp_path / "tree/sub/name with blank").write_bytes(bytes(range(256)) * 100)
    limactl(vm, "copy", "-r", "--backend=scp", str(tmp_path / "tree"), "t:/tmp/tree")
    limactl(vm, "copy", "-r", "--backend=scp", "t:/tmp/tree", str(tmp_path / "back"))
    assert (tmp_path / "back/sub/name with blank").read_bytes() == bytes(range(256)) * 100
    limactl(vm, "copy", "t:/etc/hostname", "t:copied-to-home")
    assert vm("shell", "t", "cat", "copied-to-home").stdout == "lima-t\n"
    assert limactl(vm, "copy", "--backend=scp", "t:/no/such", str(tmp_path), check=None).returncode == 1
    if not shutil.which("rsync"):
        assert "rsync not" in limactl(vm, "copy", "--backend=rsync", "t:/etc/hostname", "x", check=1).stderr


def _tunnel(vm: Cli) -> None:
    told = limactl(vm, "tunnel", "t").stdout
    port = int(told.split("127.0.0.1:")[1].split("`")[0])
    with socket.create_connection(("127.0.0.1", port), 20) as proxy:
        proxy.sendall(b"\x05\x01\x00")
        assert proxy.recv(2) == b"\x05\x00"
        proxy.sendall(b"\x05\x01\x00\x01" + socket.inet_aton("127.0.0.1") + struct.pack(">H", 22))
        assert proxy.recv(10)[1] == 0
        assert proxy.recv(64).startswith(b"SSH-2.0")


def _pictures(vm: Cli, tmp_path: Path) -> None:
    saved = limactl(vm, "screenshot", "t", "-o", str(tmp_path / "s.PNG")).stderr
    assert (tmp_path / "s.PNG").read_bytes().startswith(b"\x89PNG") and "Screenshot saved to" in saved
    limactl(vm, "screenshot", "t", "-o", str(tmp_path / "s.bmp"))
    data = (tmp_path / "s.bmp").read_bytes()
    assert data[:2] == b"BM" and int.from_bytes(data[2:6], "little") == len(data)


def _reconnected(vm: Cli) -> None:
    done = limactl(vm, "shell", "--reconnect", "t", "echo", "ok")
    assert done.stdout == "ok\n" and "Exiting ssh session for the instance `t`" in done.stderr
    assert vm("shell", "t", "echo", "again").stdout == "again\n"
    vm("stop", "t", timeout=120)
    assert not left_behind(vm.home)
    stopped = limactl(vm, "shell", "t", "true", check=1)
    assert "instance `t` is stopped, run `limactl start t` to start the instance" in stopped.stderr


class _AnotherAgent:
    """A second name for the guest, in a directory such as a host agent of the reference tool keeps."""

    def __init__(self, cli: Cli, name: str) -> None:
        self._from, self._dir = cli.home / "t", cli.home / name
        self._port = int(json.loads(cli("list", "--json", "t").stdout)["sshLocalPort"])

    def __enter__(self) -> None:
        self._dir.mkdir(mode=0o700)
        shutil.copy(self._from / "lima.yaml", self._dir)
        config = (self._from / "ssh.config").read_text().replace("Host lima-t", f"Host lima-{self._dir.name}")
        (self._dir / "ssh.config").write_text(config.replace(f"{self._from}/", f"{self._dir}/"))
        self._process = subprocess.Popen([sys.executable, "-c", OTHER_AGENT, f"{self._dir}/ha.sock", str(self._port)],
                                         stdout=subprocess.PIPE)
        assert self._process.stdout and self._process.stdout.readline() == b"ready\n"
        until((self._dir / "ha.sock").exists, "the other agent listens", 20)
        for file in ("ha.pid", "qemu.pid"):
            (self._dir / file).write_text(f"{self._process.pid}\n")
        (self._dir / "ha.stdout.log").write_text(
            f'{{"time":"2030-01-02T03:04:05.678901234Z","status":{{"running":true,"sshLocalPort":{self._port}}}}}\n')

    def __exit__(self, *how: object) -> None:
        self._process.kill()
        self._process.communicate()
        shutil.rmtree(self._dir)
