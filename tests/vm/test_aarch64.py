"""A guest of another architecture: built from unpacked packages, started by UEFI, reached and stopped.

Slow: run where qemu-system-aarch64 is installed and no run decides about a change; with LIMATUI_SLOW=1 always."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.vm.conftest import BOOT_LIMIT, Cli, left_behind

WANTED = os.environ.get("LIMATUI_SLOW") == "1"
HERE = all(shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
           for program in ("qemu-system-aarch64", "depmod"))

pytestmark = [
    pytest.mark.skipif(not WANTED and (not HERE or bool(os.environ.get("CI"))),
                       reason="slow: needs qemu-system-arm, qemu-efi-aarch64 and kmod, and LIMATUI_SLOW=1 in CI"),
    pytest.mark.timeout(1800),
]


def test_a_guest_of_another_architecture(cli: Cli) -> None:
    cli("create", "--name=a", "--arch=aarch64", "template:tiny", timeout=1500)  # built here, once
    assert "build:" not in (cli.home / "a/lima.yaml").read_text()
    started = cli("start", "--timeout=15m", "a", timeout=1000)
    assert "READY. Run `limatui shell a` to open the shell." in started.stderr
    assert cli("shell", "a", "sh", "-c", "uname -m; hostname; python3 -c 'import platform as p; print(p.machine())'",
               timeout=BOOT_LIMIT).stdout.split() == ["aarch64", "lima-a", "aarch64"]
    assert cli.listed("a")["arch"] == "aarch64"
    stopped = cli("stop", "a", timeout=2 * BOOT_LIMIT)
    assert "Asking the guest agent to shut the guest down" in stopped.stderr
    assert not left_behind(cli.home)
