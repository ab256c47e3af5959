"""The quick path of `shell` says to ssh what the full path says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

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
    (instance / "ha.pid").write_text(str(agent.pid))
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "XDG_CACHE_HOME": str(tmp_path / "cache")}

    def call(program: str, *words: str, **more: str) -> str:
        done = subprocess.run([sys.executable, "-c", MAIN, program, "shell", *words], env={**environ, **more},
                              cwd=tmp_path, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        assert done.returncode == 0 and not done.stderr, done.stderr
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
