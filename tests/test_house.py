"""The walls of the house: imports, types, style, and what a quick command may load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


def _run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=240)


@pytest.mark.parametrize(
    "argv",
    [
        (str(BIN / "ruff"), "check", "limacore", "limatui", "tests", "benchmarks", "screenshots"),
        (str(BIN / "mypy"),),
        (str(BIN / "lint-imports"), "--no-cache"),
    ],
    ids=["ruff", "mypy", "import-linter"],
)
def test_walls_stand(argv: tuple[str, ...]) -> None:
    done = _run(*argv)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("forbidden", ["textual", "rich", "asyncssh", "pycdlib", "ruamel", "psutil"])
def test_the_command_line_loads_only_what_it_needs(forbidden: str) -> None:
    done = _run(sys.executable, "-c", "import sys, limacore.cli.listing; print('\\n'.join(sys.modules))")
    assert done.returncode == 0, done.stderr
    assert forbidden not in done.stdout.split()


@pytest.mark.parametrize("forbidden", ["textual", "asyncssh", "rich", "psutil", "click", "pycdlib.headervd"])
def test_the_host_agent_stays_small(forbidden: str) -> None:
    done = _run(sys.executable, "-c", "import sys, limacore.hostagent.agent; print('\\n'.join(sys.modules))")
    assert done.returncode == 0, done.stderr
    assert forbidden not in done.stdout.split()


def test_no_file_outgrows_the_house() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {count}"
        for room in ("limacore", "limatui")
        for path in (ROOT / room).rglob("*.py")
        if (count := len(path.read_text().splitlines())) > 500
    ]
    assert not long


def test_shell_scripts_are_clean() -> None:
    payload = [
        str(path)
        for path in (ROOT / "limacore/guest/payload").rglob("*")
        if path.is_file() and path.read_bytes()[:9].startswith(b"#!/bin/sh")
    ]
    done = _run("shellcheck", "--severity=warning", "dev", ".ci/run", *payload)
    assert done.returncode == 0, done.stdout
