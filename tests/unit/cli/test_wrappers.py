"""lima and its kind where no limactl is in PATH: we answer ourselves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from limacore.cli.wrappers import shell_words

MAIN = "import sys; sys.argv[0] = sys.argv.pop(1); from limatui.__main__ import main; sys.exit(main())"


def call(home: Path, *words: str, path: str = "/usr/bin:/bin", **environ: str) -> subprocess.CompletedProcess[str]:
    given = {**os.environ, "LIMA_HOME": str(home), "PATH": path, **environ}
    return subprocess.run([sys.executable, "-c", MAIN, *words], env=given, capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)


@pytest.mark.parametrize(("environ", "words"), [
    ({}, ["shell", "--instance", "default", "x"]),
    ({"LIMA_INSTANCE": "", "LIMA_SHELL": ""}, ["shell", "--instance", "default", "x"]),
    ({"LIMA_INSTANCE": "i", "LIMA_SHELL": "/bin/sh", "LIMA_WORKDIR": "/w d"},
     ["shell", "--workdir", "/w d", "--shell", "/bin/sh", "--instance", "i", "x"]),
])
def test_variables_become_flags(environ: dict[str, str], words: list[str]) -> None:
    assert shell_words(["x"], environ) == words


def test_lima_answers_as_limactl(lima_home: Path) -> None:
    done = call(lima_home, "/opt/bin/lima", "uname", LIMA_INSTANCE="i")
    assert done.returncode == 1
    assert "instance `i` does not exist, run `limactl create i` to create a new instance" in done.stderr
    assert call(lima_home, "lima", "--version").stdout.startswith("limactl version ")
    assert call(lima_home, "lima", "--help").stdout.startswith("Usage: lima [COMMAND...]\n")


@pytest.mark.parametrize(("program", "message"), [
    ("docker.lima", 'instance "docker" does not exist, run `limactl create --name=docker template:docker`'),
    ("kubectl.lima", "No k3s or k8s existing instances found. Either create one with\n"),
    ("nerdctl.lima", "instance `default` does not exist"),
])
def test_wrappers_of_tools(lima_home: Path, program: str, message: str) -> None:
    done = call(lima_home, program, "ps")
    assert done.returncode == 1 and message in done.stderr and not done.stdout


def test_a_limactl_that_is_not_there(lima_home: Path) -> None:
    done = call(lima_home, "lima", "uname", LIMACTL="/no/such/limactl")
    assert done.returncode == 127
    assert done.stderr == "lima: `/no/such/limactl` is not installed\n"
