"""shell --sync with programs that do on this computer what they would do in a guest."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from limacore.cli.shellsync import colored, pager_words

# ssh runs the script here. rsync, which need not be installed, copies a directory and tells what differs.
SSH = """#!/bin/sh
case "$*" in *-V*) echo OpenSSH_9.2p1 >&2; exit 0;; esac
while [ "$1" != -- ]; do shift; done
exec sh -c "$2"
"""
RSYNC = """#!/bin/sh
dry=
while [ "$1" != -- ]; do [ "$1" = --dry-run ] && dry=1; shift; done
from=${2#*:} to=${3#*:}
if [ "$dry" ]; then
  diff -q "$from" "$to" | sed -n "s/^Files .*/>f.st...... changed/p; s/^Only in .*/>f+++++++++ new/p"
  exit 0
fi
rm -rf "$to" && cp -a "$from" "$to"
"""


@pytest.fixture
def synced(lima_home: Path, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A directory with one file, and the environment of a call; the instance `a` seems to run, its home is below."""
    programs, work = tmp_path / "bin", tmp_path / "host/project"
    programs.mkdir()
    work.mkdir(parents=True)
    (work / "kept").write_text("as it was")
    for name, text in (("ssh", SSH), ("rsync", RSYNC)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (lima_home / "a").mkdir()
    (lima_home / "a/lima.yaml").write_text("images: [{location: /nowhere.qcow2}]\nmounts: []\n"
                                           f"user: {{home: {tmp_path}/guest, shell: /bin/sh, name: u}}\n")
    (lima_home / "a/ha.pid").write_text(str(os.getpid()))
    environ = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "LIMA_HOME": str(lima_home),
               "XDG_CACHE_HOME": str(tmp_path / "cache")}
    return work, environ


@pytest.fixture(autouse=True)
def _agent(lima_home: Path, tmp_path: Path) -> object:
    """A process that is the host agent, by its command line."""
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()", f"{lima_home}/a/ha.sock"],
                             stdin=subprocess.PIPE)
    yield child
    child.communicate()


def argv(*words: str) -> list[str]:
    return [sys.executable, "-m", "limatui", "shell", "--sync", ".", "a", "sh", "-c", *words]


def call(synced: tuple[Path, dict[str, str]], pid: int, script: str) -> subprocess.CompletedProcess[str]:
    work, environ = synced
    (Path(environ["LIMA_HOME"]) / "a/ha.pid").write_text(str(pid))
    return subprocess.run(argv(script), cwd=work, env=environ, capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)


def test_without_a_terminal_everything_comes_back(synced: tuple[Path, dict[str, str]], _agent: subprocess.Popen[bytes],
                                                  tmp_path: Path) -> None:
    done = call(synced, _agent.pid, "pwd; echo new > made")
    work = synced[0]
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path}/guest{work}\n"
    assert {path.name for path in work.iterdir()} == {"kept", "made"}
    assert "Successfully synced back the changes to host." in done.stderr
    assert not Path(f"{tmp_path}/guest{work}").exists()


def test_a_failed_command_changes_nothing(synced: tuple[Path, dict[str, str]], _agent: subprocess.Popen[bytes],
                                          tmp_path: Path) -> None:
    done = call(synced, _agent.pid, "rm kept; exit 7")
    assert done.returncode == 7 and "synced back" not in done.stderr
    assert (synced[0] / "kept").exists() and Path(f"{tmp_path}/guest{synced[0]}").is_dir()


@pytest.mark.parametrize(("script", "keys", "told", "names"), [
    ("true", (), "No changes detected", {"kept"}),
    ("echo 1 > made", ("\r",), "Successfully synced back", {"kept", "made"}),
    ("echo 1 > made", ("\x1b[B", "\r"), "Skipping syncing back", {"kept"}),
    ("echo 1 > kept", ("\x1b[B", "\x1b[B", "\r", "\r"), "+1", {"kept"}),
])
def test_on_a_terminal_the_user_decides(synced: tuple[Path, dict[str, str]], _agent: subprocess.Popen[bytes],
                                        script: str, keys: tuple[str, ...], told: str, names: set[str]) -> None:
    work, environ = synced
    (Path(environ["LIMA_HOME"]) / "a/ha.pid").write_text(str(_agent.pid))
    master, slave = pty.openpty()
    child = subprocess.Popen(argv(script), cwd=work, env={**environ, "PAGER": "cat"}, stdin=slave, stdout=slave,
                             stderr=slave, start_new_session=True)
    os.close(slave)
    seen, waiting = "", list(keys)
    while select.select([master], [], [], 0.5)[0] or child.poll() is None:
        if waiting and seen.endswith("contents\x1b[0m\r\n"):
            os.write(master, waiting.pop(0).encode())
        try:
            seen += os.read(master, 4096).decode(errors="replace") if select.select([master], [], [], 0.1)[0] else ""
        except OSError:
            break
    os.close(master)
    assert child.wait(10) == 0, seen
    assert told in seen
    assert {path.name for path in work.iterdir()} == names


@pytest.mark.parametrize(("environ", "words"), [
    ({}, ["less", "-R"]), ({"PAGER": "most -s"}, ["most", "-s"]), ({"PAGER": "less -FX"}, ["less", "-FX", "-R"]),
    ({"PAGER": "/usr/bin/less -r"}, ["/usr/bin/less", "-r"]), ({"LESS": "-FRX"}, ["less"]),
    ({"PAGER": "less --RAW-CONTROL-CHARS"}, ["less", "--RAW-CONTROL-CHARS"]), ({"PAGER": "less 'x"}, ["less", "-R"]),
    ({"PAGER": "less --chop-long-lines"}, ["less", "--chop-long-lines", "-R"]),
])
def test_the_pager_shows_colours(environ: dict[str, str], words: list[str]) -> None:
    assert pager_words(environ) == words


def test_a_difference_cannot_command_the_terminal() -> None:
    assert colored("+a\x1b[2J\n same\n-b") == "\x1b[32m+a\\x1b[2J\x1b[0m\n same\n\x1b[31m-b\x1b[0m"
