"""shell --sync with programs that do on this computer what they would do in a guest."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from limacore.cli.shellsync import colored, pager_words
from tests.instances import named

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


class Host(NamedTuple):
    work: Path
    environ: dict[str, str]


@pytest.fixture
def synced(lima_home: Path, tmp_path: Path) -> Iterator[Host]:
    """A directory with one file, and the environment of a call; the instance `a` seems to run."""
    programs, work, instance = tmp_path / "bin", tmp_path / "host/project", lima_home / "a"
    for folder in (programs, work, instance):
        folder.mkdir(parents=True)
    (work / "kept").write_text("as it was")
    for name, text in (("ssh", SSH), ("rsync", RSYNC)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (instance / "lima.yaml").write_text("images: [{location: /nowhere.qcow2}]\nmounts: []\n"
                                        f"user: {{home: {tmp_path}/guest, shell: /bin/sh, name: u}}\n")
    environ = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "XDG_CACHE_HOME": str(tmp_path / "cache"),
               "PAGER": "cat"}
    agent = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()", f"{instance}/ha.sock"],
                             stdin=subprocess.PIPE)
    named(agent, instance)
    (instance / "ha.pid").write_text(str(agent.pid))
    yield Host(work, environ)
    agent.communicate()


def argv(*words: str) -> list[str]:
    return [sys.executable, "-m", "limatui", "shell", "--sync", ".", "a", "sh", "-c", *words]


def call(host: Host, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv(script), cwd=host.work, env=host.environ, capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)


def test_without_a_terminal_everything_comes_back(synced: Host, tmp_path: Path) -> None:
    done = call(synced, "pwd; echo new > made")
    work = synced.work
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path}/guest{work}\n"
    assert {path.name for path in work.iterdir()} == {"kept", "made"}
    assert "Successfully synced back the changes to host." in done.stderr
    assert not Path(f"{tmp_path}/guest{work}").exists()


def test_a_failed_command_changes_nothing(synced: Host, tmp_path: Path) -> None:
    done = call(synced, "rm kept; exit 7")
    assert done.returncode == 7 and "synced back" not in done.stderr
    assert (synced.work / "kept").exists() and Path(f"{tmp_path}/guest{synced.work}").is_dir()


@pytest.mark.parametrize(("script", "keys", "told", "names"), [
    ("true", (), "No changes detected", {"kept"}),
    ("echo 1 > made", ("\r",), "Successfully synced back", {"kept", "made"}),
    ("echo 1 > made", ("\x1b[B", "\r"), "Skipping syncing back", {"kept"}),
    ("echo 1 > kept", ("\x1b[B", "\x1b[B", "\r", "\r"), "+1", {"kept"}),
])
def test_on_a_terminal_the_user_decides(synced: Host, script: str, keys: tuple[str, ...], told: str,
                                        names: set[str]) -> None:
    master, slave = pty.openpty()
    child = subprocess.Popen(argv(script), cwd=synced.work, env=synced.environ, stdin=slave, stdout=slave,
                             stderr=slave, start_new_session=True)
    os.close(slave)
    seen, answered, waiting = "", 0, list(keys)
    deadline = time.monotonic() + 60
    while (select.select([master], [], [], 0.5)[0] or child.poll() is None) and time.monotonic() < deadline:
        if waiting and len(seen) > answered and seen.endswith("contents\x1b[0m\r\n"):
            answered = len(seen)
            os.write(master, waiting.pop(0).encode())
        try:
            seen += os.read(master, 4096).decode(errors="replace") if select.select([master], [], [], 0.1)[0] else ""
        except OSError:
            break
    os.close(master)
    assert child.wait(10) == 0, seen
    assert told in seen
    assert {path.name for path in synced.work.iterdir()} == names


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
