"""Real machines: a home of its own per test, the command line as a user calls it, and a check that nothing is left."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from limacore import hostlink
from limacore.drivers.qemu import qmp
from limacore.paths import InstancePaths

LIMATUI = (sys.executable, "-m", "limatui")
BOOT_LIMIT = 180.0
"""Seconds after which a boot under emulation on a busy machine is called failed."""


class Cli:
    """`limatui` in one home."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(
        self, *argv: str, check: bool = True, timeout: float = 120, **env: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([*LIMATUI, *argv], capture_output=True, text=True, timeout=timeout, cwd=self.home,
                              stdin=subprocess.DEVNULL, env=self.env(**env))
        assert "Traceback" not in done.stderr, done.stderr
        if check:
            assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}\n{self.logs()}"
        return done

    def spawn(self, *argv: str) -> subprocess.Popen[str]:
        return subprocess.Popen([*LIMATUI, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                cwd=self.home, stdin=subprocess.DEVNULL, env=self.env())

    def env(self, **more: str) -> dict[str, str]:
        return {**os.environ, "LIMA_HOME": str(self.home), **more}

    def listed(self, name: str) -> dict[str, Any]:
        lines = self("list", "--json").stdout.splitlines()
        return next(entry for entry in map(json.loads, lines) if entry["name"] == name)

    def state(self, name: str) -> str:
        return str(self.listed(name)["limatui"]["status"])

    def pid(self, name: str, what: str) -> int:
        return int((self.home / name / f"{what}.pid").read_text())

    def logs(self) -> str:
        return "\n".join(
            f"--- {path}\n{path.read_text(errors='replace')[-3000:]}"
            for pattern in ("*/ha.std*.log", "*/serial.log") for path in self.home.glob(pattern)
        )  # fmt: skip


def processes_of(home: Path) -> dict[int, str]:
    """Every living process whose command line names the home."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{home}/" in words or words.rstrip().endswith(str(home)):
            found[int(entry.name)] = words
    return found


def left_behind(home: Path) -> list[str]:
    """Processes, sockets, pid files and half-made things of a home in which nothing runs."""
    endings = (".pid", ".sock", ".tmp")
    files = [str(path) for path in home.rglob("*") if path.name.endswith(endings) or path.name.startswith(".create-")]
    locks = [str(path) for path in home.glob("_disks/*/in_use_by") if path.is_symlink()]
    return files + locks + list(processes_of(home).values())


def until(condition: Callable[[], Any], what: str, limit: float = BOOT_LIMIT) -> Any:
    """Wait for something observable; returns its truthy value."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {limit:.0f} s: {what}")


def check_clock(cli: Cli, name: str) -> None:
    """A clock of a guest that is wrong is put right after a pause of the machine, and how wrong it was is told."""
    paths = InstancePaths(cli.home / name)
    cli("shell", name, "sudo", "date", "-s", "@1000000000")
    asyncio.run(qmp.stop(paths.qmp_sock))
    asyncio.run(qmp.cont(paths.qmp_sock))
    until(lambda: re.search(r"Time sync: guest clock adjusted \(was -\d{9,}ms off\)", cli.logs()), "the skew is told")
    until(lambda: abs(int(cli("shell", name, "date", "+%s").stdout) - time.time()) < BOOT_LIMIT, "the right time")
    assert asyncio.run(hostlink.status(paths)).clock_skew_ms is not None


@pytest.fixture
def cli(lima_home: Path) -> Iterator[Cli]:
    """The command line on an empty home; whatever still runs at the end is killed, by pid."""
    try:
        yield Cli(lima_home)
    finally:
        for pid in processes_of(lima_home):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


@pytest.fixture
def tiny(cli: Cli) -> Cli:
    """A home with the created, stopped instance `t` of the tiny guest."""
    cli("create", "--name=t", "template:tiny", timeout=900)
    return cli
