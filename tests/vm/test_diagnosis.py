"""Boots that really fail tell cause, line of the log and what to do: while they hang, when they end, and afterwards."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.vm.conftest import Cli, left_behind, until

CAUSE = "the kernel cannot mount its root file system"
OVMF = Path("/usr/share/OVMF/OVMF_CODE.fd")


def _found(cli: Cli, name: str) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in cli.listed(name)["limatui"].get("findings", ())}


def test_a_kernel_without_its_root_file_system(tiny: Cli) -> None:
    folder = tiny.home / "t"
    (folder / "initrd").unlink()
    (folder / "kernel.cmdline").write_text("console=ttyS0 root=/dev/nowhere")
    starting = tiny.spawn("start", "t", "--timeout=30s")
    panic = until(lambda: _found(tiny, "t").get("boot-panic-root"), "the finding is in the list while it starts")
    until(lambda: tiny.state("t") == "Panicked", "the panic is seen", 30)
    line = re.fullmatch(r"serial\.log:(\d+): .*Unable to mount root fs.*", panic["evidence"][0])
    assert line and b"Kernel panic" in (folder / "serial.log").read_bytes().split(b"\n")[int(line[1]) - 1]
    assert "kernel.cmdline" in panic["fix"]
    doctor = tiny("doctor", "t", check=False)
    assert doctor.returncode == 1 and CAUSE in doctor.stdout and panic["evidence"][0] in doctor.stdout
    _, text = starting.communicate(timeout=150)
    ended = text.splitlines()[-1]
    assert starting.returncode == 1 and "will not become ready: its kernel panicked" in ended, text
    assert CAUSE in ended and "serial.log:" in ended and "kernel.cmdline" in ended
    tiny("stop", "-f", "t")
    assert "boot-panic-root" in _found(tiny, "t"), "it is still told after the machine has gone"
    assert not left_behind(tiny.home)


def _start_with_empty_disk(cli: Cli, *more: str) -> subprocess.Popen[str]:
    disk = cli.home / "empty.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "64M"], check=True)
    template = cli.home / "e.yaml"
    template.write_text("\n".join((
        f"images:\n- location: {disk}\n  arch: x86_64", "arch: x86_64", "cpus: 1", "memory: 512MiB", "disk: 64MiB",
        "mounts: []", "containerd: {user: false, system: false}", "plain: true", *more, "",
    )))
    cli("create", "--name=t", str(template))
    return cli.spawn("start", "t", "--timeout=300s")


def test_a_bios_that_finds_nothing_to_boot_says_so_on_the_console(cli: Cli) -> None:
    starting = _start_with_empty_disk(cli, "firmware: {legacyBIOS: true}")
    found = until(lambda: _found(cli, "t").get("boot-no-device"), "the finding is in the list while it starts")
    assert re.fullmatch(r"serial\.log:\d+: (?:No bootable device|Boot failed: ).*", found["evidence"][0])
    assert "found no disk to boot from" in cli("doctor", "t", check=False).stdout
    cli("stop", "-f", "t")
    starting.communicate(timeout=60)
    assert starting.returncode == 1
    assert not left_behind(cli.home)


@pytest.mark.skipif(not OVMF.exists(), reason="the UEFI firmware (ovmf) is not installed")
def test_a_disk_without_a_boot_loader(cli: Cli) -> None:
    starting = _start_with_empty_disk(cli)
    found = until(lambda: _found(cli, "t").get("boot-uefi-failed"), "the finding is in the list while it starts")
    assert "serial.log:" in found["evidence"][0] and "BdsDxe: failed" in found["evidence"][0]
    cli("stop", "-f", "t")
    _, text = starting.communicate(timeout=60)
    assert starting.returncode == 1
    assert "no boot loader on the disk" in text and "legacyBIOS" in text
    assert not left_behind(cli.home)


def test_a_qemu_that_refuses_says_so_with_the_line_of_the_log(tiny: Cli) -> None:
    base = tiny.home / "t/basedisk"
    shutil.move(base, tiny.home / "away")
    failed = tiny("start", "t", check=False)
    ended = failed.stderr.splitlines()[-1]
    assert failed.returncode == 1 and "the base of the disk" in ended, failed.stderr
    assert re.search(r"ha\.stderr\.log:\d+: .*Could not open backing file", ended) and "factory-reset" in ended
    found = _found(tiny, "t")["backing-missing"]
    assert "Could not open backing file" in found["evidence"][0]
    assert "backing-missing" in tiny("doctor", "--json", "t", check=False).stdout
    shutil.move(tiny.home / "away", base)
    assert not left_behind(tiny.home)
