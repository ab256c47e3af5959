"""A guest whose kernel panics, a full disk on either side, files that QEMU cannot use: the status tells it, and why."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vm.conftest import LIMATUI, Cli, left_behind, until

PANIC = "Kernel panic - not syncing: sysrq triggered crash"


class Walled(Cli):
    """`limatui` among mounts of its own."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.root = os.geteuid() == 0
        self.holder = subprocess.Popen(["unshare", "-m" if self.root else "-rm", "sleep", "1000"])

    def inside(self, *argv: str) -> list[str]:
        user = [] if self.root else ["-U", "--preserve-credentials"]
        return ["nsenter", "-t", str(self.holder.pid), *user, "-m", "--", *argv]

    def __call__(
        self, *argv: str, check: bool = True, timeout: float = 120, **env: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(self.inside(*LIMATUI, *argv), capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, env=self.env(**env))
        assert "Traceback" not in done.stderr, done.stderr
        assert not check or done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}\n{self.logs()}"
        return done


@pytest.fixture
def walled(cli: Cli) -> Iterator[Walled]:
    private = "-m" if os.geteuid() == 0 else "-rm"
    if subprocess.run(["unshare", private, "true"], capture_output=True).returncode:
        pytest.skip("mounts of its own are not allowed here")
    found = Walled(cli.home)
    here, there = Path("/proc/self/ns/mnt"), Path(f"/proc/{found.holder.pid}/ns/mnt")
    until(lambda: there.readlink() != here.readlink(), "a wall", 20)
    try:
        yield found
    finally:
        found("stop", "-f", "t", check=False)
        found.holder.kill()
        found.holder.wait()


def test_a_panic_is_a_status_with_its_line(tiny: Cli) -> None:
    tiny("start", "t")
    tiny("shell", "t", "sudo", "sh", "-c", "(sleep 1; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 &")
    until(lambda: tiny.state("t") == "Panicked", "the panic is seen", 60)
    entry = tiny.listed("t")
    assert (entry["status"], entry["limatui"]["phase"]) == ("Running", PANIC)
    listed = tiny("list")
    assert "Panicked" in listed.stdout
    assert PANIC in listed.stderr
    assert PANIC in (tiny.home / "t/ha.stdout.log").read_text()
    began = time.monotonic()
    tiny("stop", "t")
    assert time.monotonic() - began < 100, "nobody is there to be asked"
    assert tiny.state("t") == "Stopped"
    assert not left_behind(tiny.home)


def test_a_full_disk_of_the_host_pauses_and_room_lets_it_go_on(walled: Walled) -> None:
    walled("create", "--name=t", "template:tiny", timeout=900)
    small, overlay = walled.home / "small", walled.home / "t/diffdisk"
    small.mkdir()
    subprocess.run(walled.inside("mount", "-t", "tmpfs", "-o", "size=48m", "none", str(small)), check=True)
    subprocess.run(walled.inside("cp", "--sparse=always", str(overlay), str(small / "diffdisk")), check=True)
    overlay.unlink()
    overlay.symlink_to(small / "diffdisk")
    walled("start", "t")
    walled("shell", "t", "sh", "-c", "setsid dd if=/dev/urandom of=big bs=1M count=60 conv=fsync </dev/null "
                                     ">written 2>&1 &")
    until(lambda: walled.state("t") == "Paused", "the machine is paused", 120)
    entry = walled.listed("t")
    assert (entry["status"], entry["limatui"]["phase"]) == ("Running", "host disk full")
    assert "host disk full" in walled("list").stderr
    assert '"machine":{"state":"paused","detail":"host disk full"}' in (walled.home / "t/ha.stdout.log").read_text()
    refused = walled("shell", "t", "true", check=False)
    assert "paused: host disk full" in refused.stderr

    subprocess.run(walled.inside("mount", "-o", "remount,size=300m", str(small)), check=True)
    walled("resume", "t")
    done = until(lambda: walled("shell", "t", "cat", "written", check=False, timeout=60).stdout, "dd ends", 120)
    assert "60+0 records out" in done
    assert walled.state("t") == "Running"
    walled("stop", "t", timeout=240)


def test_a_full_guest_still_starts(tiny: Cli) -> None:
    tiny("start", "t")
    tiny("shell", "t", "sudo", "sh", "-c", "fallocate -l $(($(df -k / | awk 'NR==2 {print $4}') + 0))k /full || "
                                          "dd if=/dev/zero of=/full bs=1M count=1; df -k / | tail -1; sync")
    tiny("stop", "t")
    done = tiny("start", "t", check=False, timeout=300)
    said = done.stderr
    assert "READY" in said or "No space left" in said or "disk" in said, said
    assert tiny.state("t") == "Running"
    tiny("shell", "t", "sudo", "rm", "/full")
    tiny("stop", "t")


def test_files_that_cannot_be_used_are_named(tiny: Cli) -> None:
    disk, kernel = tiny.home / "t/diffdisk", tiny.home / "t/kernel"
    good = disk.read_bytes()
    for at, damage, said in ((0, b"\0\0\0\0", "does not begin as a qcow2 image"), (40, b"\xff" * 8, "is damaged")):
        with disk.open("r+b") as file:
            file.seek(at)
            file.write(damage)
        done = tiny("start", "t", check=False)
        assert (done.returncode, said in done.stderr) == (1, True), done.stderr
        assert tiny.state("t") == "Stopped"
        disk.write_bytes(good)
    kernel.unlink()  # it may be one file with the cache's
    kernel.write_bytes(b"MZ".ljust(56, b"\0") + b"ARM\x64" + bytes(1 << 20))
    done = tiny("start", "t", check=False)
    assert (done.returncode, "not one for this machine" in done.stderr) == (1, True), done.stderr
    assert tiny.state("t") == "Stopped"
    assert not left_behind(tiny.home)
