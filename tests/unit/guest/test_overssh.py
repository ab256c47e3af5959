"""The shell that answers for a guest without an agent: really run, and what is made of its answers."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from limacore.guest import overssh
from limacore.model.guest import BootProgress, Metrics, Port
from tests.unit.guest.test_payload import SHELLS


class Shell:
    """The script in one shell, as ssh would start it."""

    def __init__(self, shell: tuple[str, ...], path: str = "") -> None:
        self.shell = shell
        command = f"exec {' '.join(shell)} -c {shlex.quote(overssh.script())}"
        self.process = subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **({"PATH": path} if path else {})})
        assert self.line() == "here"

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().rstrip("\n")

    def ask(self, question: str) -> list[str]:
        assert self.process.stdin
        self.process.stdin.write(f"{question}\n")
        self.process.stdin.flush()
        return list(iter(self.line, "."))


@pytest.fixture(params=SHELLS, ids=" ".join)
def shell(request: pytest.FixtureRequest) -> Iterator[Shell]:
    running = Shell(request.param)
    yield running
    running.process.communicate()  # its questions have ended, and so does it
    assert running.process.returncode in (0, 1)


def test_it_is_fit_for_single_quotes_of_any_login_shell() -> None:
    assert "'" not in overssh.script() and "\\" not in overssh.script()


def test_it_greets_and_measures(shell: Shell) -> None:
    hello = overssh.hello(shell.ask("hello"))
    assert (hello.kernel, hello.hostname) == (os.uname().release, os.uname().nodename)
    assert hello.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert hello.uptime > 0 and hello.port_source == "ssh"
    meter = overssh.Meter()
    meter.metrics(shell.ask("metrics"))
    metrics = meter.metrics(shell.ask("metrics"))
    assert metrics.memory_total > metrics.memory_used > 0 and metrics.disk_total >= metrics.disk_used > 0
    assert 0 <= metrics.cpu_percent <= 100
    now, exact = overssh.date(shell.ask("date"))
    assert abs(now - time.time()) < exact + 5


def test_it_sees_ports_that_come_and_go(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("::1", 0), family=socket.AF_INET6) as two:
        wanted = {Port("tcp", "127.0.0.1", one.getsockname()[1]), Port("tcp", "::1", two.getsockname()[1])}
        assert overssh.ports(shell.ask("ports")) >= wanted
    assert not overssh.ports(shell.ask("ports")) & wanted


def test_it_touches_and_answers_what_it_does_not_know(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "with  two blanks"
    file.touch()
    assert shell.ask(f"touch 1700000000.000 {file}") == []
    assert file.stat().st_mtime == 1700000000
    assert shell.ask("touch 1700000000.000 /nowhere/at all") == shell.ask("nonsense $(id) `id`") == shell.ask("") == []


def test_the_clock_is_shifted_by_a_difference(shell: Shell, tmp_path: Path) -> None:
    """`date` and `sudo` are stubs: a test may not set the clock of this computer."""
    for name, script in {"sudo": 'shift; exec "$@"', "id": "echo 1000",
                         "date": f'case $1 in -u) echo "$*" >{tmp_path}/set ;; *) cat {tmp_path}/now ;; esac'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    asked = Shell(shell.shell, f"{tmp_path}:{os.environ['PATH']}")
    for now, by, wanted in (("1700000000000000005", -10, "@1699999999.999999995"),
                            ("1700000000900000000", 200000000, "@1700000001.100000000"),
                            ("1700000000%N", 1500000000, "@1700000001.500000000")):
        (tmp_path / "now").write_text(f"{now}\n")
        assert asked.ask(f"shift {by}") == ["set"]
        assert (tmp_path / "set").read_text() == f"-u -s {wanted}\n"
    asked.process.communicate()


def test_ports_of_proc_net() -> None:
    lines = ["ports tcp:0100007F:1F90 tcp6:00000000000000000000000000000000:0016"
             " tcp6:0000000000000000FFFF00000100007F:0050 tcp:0100007F:0000 tcp:xyz:1 udp:0100007F:0035 tcp tcp:00:1"]
    assert overssh.ports(lines) == {Port("tcp", "127.0.0.1", 8080), Port("tcp", "::", 22), Port("tcp", "127.0.0.1", 80)}


def test_the_story_of_a_boot_comes_in_parts() -> None:
    boot = overssh.Boot()
    name = "provision.system/00000000"
    begin = [f"boot start 1.50 {name}", "boot out one", "boot what", "boot start x"]
    assert list(boot.news(begin)) == [BootProgress("start", name)]
    assert list(boot.news(["boot out two", f"boot end 3.75 4 {name}", "ready iid-1"])) == [
        BootProgress("end", name, 4, 2.25, output="one\ntwo"), BootProgress("ready", iid="iid-1")]
    assert list(boot.news(["ready iid-1"])) == [] and boot.ready


def test_what_is_no_answer() -> None:
    for lines in ([], ["hello a b"], ["hello i b k n x"]):
        with pytest.raises(ValueError):
            overssh.hello(lines)
    with pytest.raises(ValueError, match="no date"):
        overssh.date(["date"][1:])
    assert overssh.date(["date 17.%N"]) == (17.5, 1.0) and overssh.date(["date 17.25"]) == (17.25, 0.1)
    assert overssh.Meter().metrics(["", "cpu"]) == Metrics()
