"""A guest in which no agent can run, for it has no Python: a shell over ssh tells what an agent would."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from limacore import hostlink
from limacore.model.agentstatus import AgentStatus
from limacore.paths import InstancePaths
from tests.vm.conftest import BOOT_LIMIT, Cli, check_clock, left_behind, until

TOOLS = "/usr/sbin:/sbin:/usr/bin"
pytestmark = pytest.mark.skipif(not shutil.which("debugfs", path=TOOLS),
                                reason="debugfs (e2fsprogs) is not installed")
YAML = """\
base: template:tiny
provision:
- script: |
    #!/bin/sh
    ! command -v python3 || exit 9
    mkdir /run/words
    echo from the guest >/run/words/index.html
    busybox httpd -f -p 127.0.0.1:4321 -h /run/words >/dev/null 2>&1 &
    echo $! >/run/listener
- script: |
    #!/bin/sh
    echo it is gone
    exit 5
"""


def without_python(disk: Path) -> None:
    """Take Python out of a copy of the base disk, which is shared with the cache."""
    raw, own = disk.with_suffix(".raw"), disk.with_suffix(".own")
    subprocess.run(["qemu-img", "convert", "-O", "raw", disk, raw], check=True)
    subprocess.run(["debugfs", "-w", "-f", "-", raw], check=True, text=True, capture_output=True,
                   input="rm /usr/bin/python3\nrm /usr/bin/python3.11\n", env={"PATH": TOOLS})  # fmt: skip
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, own], check=True)
    raw.unlink()
    own.replace(disk)


def test_a_shell_speaks_for_the_guest(cli: Cli) -> None:
    template = cli.home / "n.yaml"
    template.write_text(YAML)
    cli("create", "--name=n", str(template), timeout=900)
    without_python(cli.home / "n" / "basedisk")
    done = cli("start", "n", timeout=2 * BOOT_LIMIT)
    assert "READY (1 of 2 provision scripts failed)." in done.stderr, done.stderr
    assert "ended with code 5: it is gone" in done.stderr
    assert "over ssh" in done.stderr and cli.state("n") == "Running"
    until(lambda: words(4321).endswith(b"from the guest\n"), "the port of the guest is forwarded")
    status = until(lambda: measured(cli), "metrics")
    assert status.agent == "over ssh" and status.clock_skew_ms is not None and not status.errors
    check_clock(cli, "n")
    cli("shell", "n", "sh", "-c", "sudo kill $(cat /run/listener)")
    until(lambda: not words(4321), "the forward goes with the listener")
    stopped = cli("stop", "n", timeout=BOOT_LIMIT)
    assert "Asking the guest agent to shut the guest down" in stopped.stderr
    assert "power button" not in stopped.stderr
    assert not left_behind(cli.home)


def words(port: int) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with connection.makefile("rb") as answer:
                return answer.read()
    except OSError:
        return b""


def measured(cli: Cli) -> AgentStatus | None:
    status = asyncio.run(hostlink.status(InstancePaths(cli.home / "n"), metrics=True))
    return status if status.metrics and status.metrics.memory_used else None
