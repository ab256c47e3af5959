"""`list`: the quick answer and the full one are the same bytes, and both are what the reference tool prints."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from limacore.base import version
from limacore.cli import quick

YAML = "images: [{location: /srv/i.img}]\ncpus: 1\nmemory: 1GiB\ndisk: 2GiB\nmessage: hello {{.Name}}\n"


class Home:
    """A user's home with a Lima home in it."""

    def __init__(self, root: Path) -> None:
        self.root, self.lima, self.work = root, root / ".lima", root / "work"
        self.work.mkdir()
        self.env = {"HOME": str(root), "LIMA_HOME": str(self.lima), "PATH": os.environ["PATH"], "TZ": "UTC",
                    "LANG": "C.UTF-8"}

    def instance(self, name: str, text: str = YAML) -> Path:
        folder = self.lima / name
        folder.mkdir(parents=True)
        (folder / "lima.yaml").write_text(text)
        (folder / "lima-version").write_text("2.2.0")
        return folder

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "limatui", *words]
        return subprocess.run(argv, cwd=self.work, env=self.env | env, capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)

    def quick(self, *words: str) -> str | None:
        """What the quick path alone prints; None when it leaves the answer to the full one."""
        code = "import sys\nfrom limacore.cli.quick import answer\nsys.exit(9 if answer(sys.argv[1:]) is None else 0)"
        done = subprocess.run([sys.executable, "-c", code, *words], env=self.env, capture_output=True, text=True,
                              timeout=60)
        assert done.returncode in (0, 9), done.stderr
        return None if done.returncode == 9 else done.stdout


@pytest.fixture
def home() -> Iterator[Home]:
    root = Path(f"/tmp/l-{os.getpid()}")
    root.mkdir()
    yield Home(root)
    shutil.rmtree(root)


def _settle() -> None:
    """Files must be older than a clock tick before the index trusts them."""
    time.sleep(2 * quick.SETTLED / 1e9)


@pytest.mark.parametrize(
    "line", ["list", "list --json", "list -q", "list b", "list b a b", "list -q a", "list --json b"]
)
def test_both_ways_print_the_same_bytes(home: Home, line: str) -> None:
    words = line.split()
    for name in ("a", "b"):
        home.instance(name)
    (home.lima / "b/ssh.config").write_text("Host b\n  Port 4242\n")
    (home.lima / "b/protected").touch()
    _settle()
    full = home.run(*words)
    assert (full.returncode, full.stderr) == (0, "")
    assert home.quick(*words) == full.stdout
    assert home.run(*words).stdout == full.stdout


def test_changes_are_seen_at_once(home: Home) -> None:
    folder = home.instance("a")
    _settle()
    home.run("list")
    for change, expected in (
        (lambda: (folder / "lima.yaml").write_text(YAML.replace("cpus: 1", "cpus: 7")), "7       1GiB"),
        (lambda: (folder / "ssh.config").write_text("Host a\n  Port 555\n"), "127.0.0.1:555 "),
        (lambda: (folder / "qemu.pid").write_text("junk"), "Broken"),
        (lambda: (folder / "qemu.pid").unlink(), "Stopped"),
        (lambda: home.instance("new"), "new "),
        (lambda: (home.lima / "_config").mkdir(), "Stopped"),
        (lambda: (home.lima / "_config/override.yaml").write_text("memory: 3GiB\n"), "3GiB"),
    ):
        _settle()
        assert home.run("list").stdout == (home.quick("list") or home.run("list").stdout)
        change()
        assert expected in home.run("list").stdout
    assert home.run("list", "--json").stdout.count("\n") == 2


def test_a_damaged_index_is_no_harm(home: Home) -> None:
    home.instance("a")
    _settle()
    expected = home.run("list").stdout
    folder = home.root / ".cache" / "limatui"
    for file in folder.iterdir():
        for data in (b"", b"junk", b"\xff" * 100, file.read_bytes()[:20], b"i\x01\x00\x00\x00"):
            whole = file.read_bytes()
            file.write_bytes(data)
            assert home.run("list").stdout == expected
            file.write_bytes(whole)
    shutil.rmtree(folder)
    folder.write_text("in the way")
    assert home.run("list").stdout == expected


def test_indexes_of_homes_that_are_gone_are_removed(home: Home) -> None:
    home.instance("a")
    gone = home.root / "other%home"
    (gone / "b").mkdir(parents=True)
    (gone / "b/lima.yaml").write_text(YAML)
    home.run("list", LIMA_HOME=str(gone))
    folder = home.root / ".cache" / "limatui"
    home.run("list")
    assert len(list(folder.iterdir())) == 4
    shutil.rmtree(gone)
    (home.lima / "a/protected").touch()
    home.run("list")
    assert len(list(folder.iterdir())) == 2


def test_what_is_running_is_proved_again(home: Home) -> None:
    folder = home.instance("a")
    with _process(f"{folder}/ha.pid") as agent, _process(f"{folder}/disk") as qemu, _listening(folder / "ha.sock"):
        (folder / "ha.pid").write_text(str(agent))
        (folder / "qemu.pid").write_text(str(qemu))
        (folder / "ha.stdout.log").write_text('{"time":"2999-01-01T00:00:00Z","status":{"running":true}}\n')
        _settle()
        assert "Running" in home.run("list").stdout
        assert "Running" in (home.quick("list") or "")
        with (folder / "ha.stdout.log").open("a") as log:
            log.write('{"time":"2999-01-01T00:00:00Z","status":{"step":{"name":"stop","state":"active"}}}\n')
        assert home.quick("list") is None
        assert "Stopping" in home.run("list").stdout
    assert home.quick("list") is None
    assert "Stopped" in home.run("list").stdout


@contextlib.contextmanager
def _process(word: str) -> Iterator[int]:
    code = "import sys; print(flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", code, word], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    try:
        yield child.pid
    finally:
        child.communicate()


@contextlib.contextmanager
def _listening(path: Path) -> Iterator[None]:
    code = ("import socket, sys, threading\ns = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\ns.listen()\n"
            "def serve():\n  while True:\n    c, _ = s.accept()\n    c.recv(999)\n"
            "    c.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}')\n    c.close()\n"
            "threading.Thread(target=serve, daemon=True).start()\nprint(flush=True)\nsys.stdin.read()")
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    try:
        yield
    finally:
        child.communicate()


def test_the_quick_path_imports_next_to_nothing(home: Home) -> None:
    home.instance("a")
    _settle()
    home.run("list")
    code = ("import sys; before = set(sys.modules)\nfrom limacore.cli.quick import answer\n"
            "assert answer(['list']) == 0\nprint(*sorted(set(sys.modules) - before - {'marshal'}))")
    done = subprocess.run([sys.executable, "-c", code], env=home.env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "limacore limacore.cli limacore.cli.quick"
    assert quick.VERSION == version.VERSION


def test_json_has_our_words_and_theirs(home: Home) -> None:
    home.instance("a")
    home.instance("z", "cpus: [\n")
    done = home.run("list", "--json")
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert list(first)[:4] == ["name", "hostname", "status", "dir"]
    assert list(first)[-1] == "limatui"
    assert (first["status"], first["limatui"]["status"], first["message"]) == ("Stopped", "Stopped", "hello a")
    assert first["config"]["containerd"]["user"] is True
    assert second["status"] == "Broken"
    assert f"{home.lima}/z/lima.yaml" in second["errors"][0] and "[1:7]" in second["errors"][0]
    assert 'level=warning msg="instance `z` has errors"' in done.stderr


def test_names_on_disk_cannot_command_a_terminal(home: Home) -> None:
    home.instance("a", YAML.replace("hello", "'\\e]52;c;AAAA\\a hello").replace("{{.Name}}", "'"))
    (home.lima / "\x1b]0;x\x07").mkdir()
    for words in (("list",), ("list", "--json"), ("list", "-q")):
        done = home.run(*words)
        if words != ("list", "-q"):
            assert "\x1b" not in done.stdout + done.stderr
