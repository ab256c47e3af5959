"""The dashboard's life in a real terminal: opening, shells, quitting, losing the terminal, idling."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from limatui.__main__ import demo_count
from tests.ui.terminal import ROOT, Terminal, terminal

FROZEN = """
from limacore.drivers.demo import DemoEngine
from limatui.app import Dashboard
from limatui.host.driver import TerminalDriver
Dashboard(DemoEngine(5, frozen=1.8e9), clock=lambda: 1.8e9, driver_class=TerminalDriver).run()
"""


def test_opens_and_quits_and_leaves_the_terminal_clean() -> None:
    with terminal("-m", "limatui", "--demo") as screen:
        screen.until(lambda text: "2 of 5 running" in text)
        screen.write(b"q")
        assert screen.ended() == 0
        for restored in (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l", b"\x1b[?2004l"):
            assert restored in screen.seen
        assert not list(screen.scratch.iterdir()), "the files of the demo are gone"


def test_an_escape_alone_is_a_key() -> None:
    with terminal("-m", "limatui", "--demo") as screen:
        screen.until(lambda text: "k8s" in text)
        for _ in range(3):
            screen.press(b"n", "A new instance")
            screen.press(b"\x1b", "STATUS", gone="A new instance")


def test_a_shell_gets_the_terminal_and_gives_it_back() -> None:
    with terminal("-m", "limatui", "--demo", environ={"SHELL": "/bin/sh", "PS1": "$ "}) as screen:
        screen.until(lambda text: "default" in text)
        screen.press(b"t", "this is a shell of this computer")
        screen.press(b"echo in-$((40 + 2))\n", "in-42")
        screen.press(b"\x03", "^C")
        screen.until(lambda text: text.rstrip().endswith("$"))
        screen.write(b"exit\n")
        screen.until(lambda text: "STATUS" in text and "in-42" not in text)
        screen.press(b"n", "A new instance")
        screen.press(b"\x1b", "STATUS", gone="A new instance")
        screen.write(b"q")
        assert screen.ended() == 0


@pytest.mark.parametrize("exported", [{}, {"COLUMNS": "80", "LINES": "24"}])
def test_resizing_redraws(exported: dict[str, str]) -> None:
    with terminal("-m", "limatui", "--demo", environ=exported) as screen:
        screen.until(lambda text: "Overview" in text)
        screen.settled()
        screen.resize(80, 24)
        screen.until(lambda text: "Overview" not in text and ": palette" in text)
        screen.resize(200, 60)
        screen.until(lambda text: "EVENTS" in text)


@pytest.mark.parametrize("ignore_hangup", [False, True])
def test_a_lost_terminal_ends_it(ignore_hangup: bool) -> None:
    with terminal("-m", "limatui", "--demo", ignore_hangup=ignore_hangup) as screen:
        screen.until(lambda text: "k8s" in text)
        os.close(screen.fd)
        screen.fd = -1
        screen.process.wait(20)


def test_idle_means_idle() -> None:
    with terminal("-c", FROZEN) as screen:
        screen.until(lambda text: "k8s" in text)
        _quiet(screen)
        before = _switches(screen)
        select.select([screen.fd], [], [], 3.0)
        assert _switches(screen) - before <= 3, "context switches in three seconds in which nothing happens"


def _quiet(screen: Terminal) -> None:
    while screen.read(1.0):
        pass


def _switches(screen: Terminal) -> int:
    tasks = Path(f"/proc/{screen.process.pid}/task").iterdir()
    lines = (line for task in tasks for line in (task / "status").read_text().splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt"))


def _run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run((sys.executable, "-m", "limatui", *argv), cwd=ROOT, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60)


def test_without_a_terminal_it_says_so() -> None:
    done = _run("--demo")
    assert done.returncode == 2 and "needs a terminal" in done.stderr and "limatui list" in done.stderr


def test_demo_takes_a_number() -> None:
    assert demo_count(["--demo"]) == 5
    assert demo_count(["--demo", "1000"]) == 1000
    assert demo_count(["--demo", "0"]) == 0
    for wrong in ("1001", "-1", "x", "1.5"):
        assert demo_count(["--demo", wrong]) is None
        done = _run("--demo", wrong)
        assert done.returncode == 2 and "number up to 1000" in done.stderr and "Traceback" not in done.stderr


def _loaded(code: str) -> set[str]:
    told = f"{code}\nimport sys; print('\\n'.join(sys.modules))"
    done = subprocess.run((sys.executable, "-c", told), cwd=ROOT, capture_output=True, text=True, timeout=60,
                          check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_a_command_line_loads_no_user_interface() -> None:
    loaded = _loaded("import limatui.__main__, limacore.cli.quick")
    assert not loaded & {"textual", "rich", "asyncssh", "asyncio", "yaml", "click", "httpx2"}


def test_the_dashboard_loads_nothing_it_may_not_need() -> None:
    loaded = _loaded("import limatui.app, limatui.host.driver")
    assert not loaded & {"asyncssh", "pyghostty", "ruamel", "httpx2", "pycdlib", "click"}
