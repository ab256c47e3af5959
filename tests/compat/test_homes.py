"""Homes that the reference tool made: what it lists of them, we list in the same words; its formats are ours."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.golden.cli.match import pattern
from tests.golden.cli.sandbox import Runner, Sandbox
from tests.instances import named

HOMES = Path(__file__).parents[3] / "shared" / "golden" / "homes"
STOPPED, RUNNING = HOMES / "limactl-2.2-stopped", HOMES / "limactl-2.2-running"
ANSWER = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 22\r\nConnection: close\r\n\r\n"
          b'{"sshLocalPort":45389}')
pytestmark = pytest.mark.skipif(not HOMES.is_dir(), reason="recordings of the reference tool are not here")


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()


@pytest.fixture
def box(runner: Runner) -> Iterator[Sandbox]:
    """A home with the recorded instance `gold`, stopped."""
    box = Sandbox(runner)
    folder = box.home / ".lima/gold"
    folder.parent.mkdir(mode=0o700)
    shutil.copytree(STOPPED / "gold", folder)
    folder.chmod(0o700)  # recordings may lie where nobody may write
    for name in ("lima.yaml", "ssh.config", "ha.stdout.log"):
        path = folder / name
        path.write_text(box.expand(path.read_text()))
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", folder / "disk", "6G"], check=True)
    box._own(box.home)
    yield box
    box.close()


class Agent:
    """What is alive of a running instance: two processes that name it, and a socket that answers as its host agent."""

    def __init__(self, box: Sandbox) -> None:
        folder = box.home / ".lima/gold"
        for name in ("ha.pid", "qemu.pid"):
            argv = [sys.executable, "-c", "import time; time.sleep(600)", f"{folder}/{name}"]
            process = subprocess.Popen(argv)
            box.sleepers.append(process)
            named(process, folder)
            (folder / name).write_text(f"{process.pid}\n")
        shutil.copy(RUNNING / "ha.stdout.log", folder / "ha.stdout.log")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(folder / "ha.sock"))
        self.socket.listen()
        box._own(folder)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(ANSWER)


@pytest.fixture
def running(box: Sandbox) -> Iterator[Sandbox]:
    agent = Agent(box)
    yield box
    agent.socket.close()


def limactl(box: Sandbox, *words: str) -> dict[str, Any]:
    return box.run({"argv": ["limactl", *words], "env": {}})


def recorded(box: Sandbox, text: str) -> str:
    return box.expand(text)


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (("list",), "list.txt"),
        (("list", "-q"), "list-q.txt"),
        (("list", "--all-fields"), "list-all-fields.txt"),
        (("list", "--format", "{{.Name}} {{.Status}} {{.SSHLocalPort}} {{.VMType}} {{.Arch}} {{.Dir}} {{.CPUs}} "
          "{{.Memory}} {{.Disk}}"), "list-template.txt"),
    ],
)
def test_a_running_one_is_listed_as_recorded(running: Sandbox, words: tuple[str, ...], file: str) -> None:
    got = limactl(running, *words)
    assert (got["rc"], got["stderr"]) == (0, "")
    assert pattern(recorded(running, (RUNNING / file).read_text())).fullmatch(got["stdout"]), got["stdout"]


def test_a_stopped_one_is_listed_as_recorded(box: Sandbox) -> None:
    expected = recorded(box, (STOPPED / "list.txt").read_text()).replace("45389", "42295")  # the port of its ssh.config
    assert limactl(box, "list")["stdout"] == expected


@pytest.mark.parametrize("state", ["stopped", "running"])
def test_objects_have_the_same_keys_and_values(box: Sandbox, state: str, request: pytest.FixtureRequest) -> None:
    if state == "running":
        request.getfixturevalue("running")
    text = ((RUNNING if state == "running" else STOPPED) / "list.json").read_text()
    theirs = json.loads(recorded(box, text))
    ours = json.loads(limactl(box, "list", "--json")["stdout"])
    assert list(ours) == list(theirs)
    assert list(ours["config"]) == list(theirs["config"])
    for each in (theirs, ours):  # pids, ports and the user of the recording are not ours
        for key in ("hostAgentPID", "driverPID", "sshLocalPort"):
            each.pop(key, None)
        each["config"].pop("user")
        each["config"]["provision"] = [part for part in each["config"]["provision"] if part["mode"] != "user"]
    assert ours == theirs


@pytest.mark.parametrize("style", ["cmd", "args", "options", "config"])
def test_ssh_options_are_as_recorded(running: Sandbox, style: str) -> None:
    got = limactl(running, "show-ssh", "--format", style, "gold")
    expected = recorded(running, (RUNNING / f"show-ssh-{style}.txt").read_text())
    assert got["rc"] == 0
    assert varying(got["stdout"]) == varying(expected)


def varying(text: str) -> list[str]:
    """Words of an option list without the user and what depends on the processor and the ssh of the host."""
    kept = text.replace("'", "").replace(" -o ", "\n").splitlines()
    return [line.strip() for line in kept if not line.strip().startswith(("User", "Ciphers", "GSSAPI"))]


def test_what_it_left_is_cloned_edited_and_deleted(box: Sandbox) -> None:
    assert limactl(box, "edit", "gold", "--cpus", "1")["rc"] == 0
    assert limactl(box, "clone", "gold", "other")["rc"] == 0
    assert limactl(box, "list", "-q")["stdout"] == "gold\nother\n"
    assert limactl(box, "delete", "gold", "other")["rc"] == 0
    assert limactl(box, "list", "-q")["stdout"] == ""
