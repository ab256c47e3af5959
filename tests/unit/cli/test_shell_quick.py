"""The quick path of `shell` says to ssh what the full path says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from limacore.ssh import mux
from tests.instances import named

MAIN = "import sys; sys.argv[0] = sys.argv.pop(1); from limatui.__main__ import main; sys.exit(main())"
SSH = """#!/bin/sh
case "$*" in *-V*) echo OpenSSH_9.2p1 >&2; exit 0;; esac
printf '[%s]' "$@"
"""
Run = Callable[..., str]


@pytest.fixture
def run(lima_home: Path, tmp_path: Path) -> Iterator[Run]:
    """Calls `PROGRAM shell …`; the instance `a` seems to run, and ssh prints what it is told."""
    (tmp_path / "ssh").write_text(SSH)
    (tmp_path / "ssh").chmod(0o755)
    instance = lima_home / "a"
    instance.mkdir()
    (instance / "lima.yaml").write_text("images: [{location: /nowhere.qcow2}]\nuser: {name: u}\n"
                                        f"mounts: [{{location: {tmp_path}, mountPoint: /mnt/x}}]\n")
    (instance / "ssh.config").write_text("Host lima-a\n  User u\n  Hostname 127.0.0.1\n  Port 60123\n")
    agent = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()", f"{instance}/ha.sock"],
                             stdin=subprocess.PIPE)
    named(agent, instance)
    (instance / "ha.pid").write_text(str(agent.pid))
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "XDG_CACHE_HOME": str(tmp_path / "cache")}

    def call(program: str, *words: str, code: int = 0, **more: str) -> str:
        done = subprocess.run([sys.executable, "-c", MAIN, program, "shell", *words], env={**environ, **more},
                              cwd=tmp_path, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        assert done.returncode == code and not done.stderr, done.stderr
        return done.stdout

    yield call
    agent.communicate()


def test_limactl_says_the_same_each_time(run: Run, tmp_path: Path) -> None:
    full = run("limactl", "a", "echo", "a b")
    assert list((tmp_path / "cache/limatui").glob("list-ssh-*"))
    assert full.startswith("[-F][/dev/null][-o][IdentityFile=") and "[-p][60123][127.0.0.1][--][cd /mnt/x ||" in full
    assert run("limactl", "a", "echo", "a b") == full
    assert run("limactl", "a", "--", "echo", "a b") == full
    assert run("limactl", "a", "echo", "a b", SSH=str(tmp_path / "ssh")) == full
    colored = run("limactl", "a", COLORTERM="")
    assert run("limactl", "--reconnect", "a", COLORTERM="") == colored and "[SendEnv=COLORTERM]" in colored


def test_limatui_uses_ssh_config(run: Run, lima_home: Path) -> None:
    full = run("limatui", "a", "true")
    quick = run("limatui", "a", "true")
    assert quick.startswith(f"[-F][{lima_home}/a/ssh.config][-o][LogLevel=ERROR][lima-a][--]")
    assert quick.rpartition("[--]")[2] == full.rpartition("[--]")[2]


def test_a_changed_configuration_is_read_again(run: Run, lima_home: Path, tmp_path: Path) -> None:
    before = run("limactl", "a")
    yaml = lima_home / "a/lima.yaml"
    yaml.write_text(yaml.read_text().replace("/mnt/x", "/mnt/other"))
    assert run("limactl", "a") == before.replace("/mnt/x", "/mnt/other")
    (tmp_path / "ssh").write_text(SSH.replace("9.2p1", "8.4p1"))
    assert "LogLevel=QUIET" in run("limactl", "a") and "LogLevel=QUIET" in run("limactl", "a")


class Master(threading.Thread):
    """A master as OpenSSH is one, as far as a session goes: says on the stream that it got what it was asked."""

    def __init__(self, path: Path, *, willing: bool = True) -> None:
        super().__init__(daemon=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        self._willing = willing
        self.start()

    def run(self) -> None:
        peer, _ = self._listener.accept()
        with self._listener, peer:
            peer.sendall(mux.pack(mux.HELLO, mux.VERSION))
            _message(peer)
            asked = _message(peer)
            fds = [socket.recv_fds(peer, 1, 1)[1][0] for _ in range(3)]
            if self._willing:
                peer.sendall(mux.pack(mux.SESSION_OPENED, 1, 5))
                os.write(fds[1], asked[-int.from_bytes(asked[36:40], "big"):])
                peer.sendall(mux.pack(mux.EXIT, 5, 7))
            for fd in fds:
                os.close(fd)


def _message(peer: socket.socket) -> bytes:
    size = int.from_bytes(peer.recv(4, socket.MSG_WAITALL), "big")
    return peer.recv(size, socket.MSG_WAITALL)


def test_the_shared_connection_runs_it(run: Run, lima_home: Path) -> None:
    by_ssh = run("limatui", "a", "echo", "ü")
    Master(lima_home / "a/ssh.sock")
    assert run("limatui", "a", "echo", "ü", code=7) == by_ssh.rpartition("[--][")[2].removesuffix("]")


@pytest.mark.parametrize("lent", ["  ForwardAgent yes\n", "  ForwardX11 yes\n"])
def test_what_is_lent_goes_by_ssh(run: Run, lima_home: Path, lent: str) -> None:
    run("limatui", "a", "true")
    with (lima_home / "a/ssh.config").open("a") as file:
        file.write(lent)
    Master(lima_home / "a/ssh.sock")
    assert run("limatui", "a", "true").startswith("[-F]")


def test_a_master_that_refuses_leaves_it_to_ssh(run: Run, lima_home: Path) -> None:
    run("limatui", "a", "true")
    Master(lima_home / "a/ssh.sock", willing=False)
    assert run("limatui", "a", "true").startswith("[-F]")
