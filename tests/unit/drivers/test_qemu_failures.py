"""Real QEMUs that cannot start, and what is said about them."""

from __future__ import annotations

import shutil
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path

import pytest

from limacore.base import proc
from limacore.drivers.qemu import failures
from limacore.errors import DriverError

QEMU = shutil.which("qemu-system-x86_64") or ""
BARE = (QEMU, "-nodefaults", "-display", "none", "-machine", "q35", "-accel", "tcg")

pytestmark = pytest.mark.skipif(not QEMU, reason="QEMU is not installed")


async def failure(*words: str) -> DriverError:
    """The explained end of a QEMU with these arguments, which must fail by itself."""
    ended = await proc.run([*BARE, *words], timeout=30)
    assert ended.code != 0
    return failures.explain(ended.code, ended.stderr)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


async def test_a_taken_port_is_named(taken_port: int) -> None:
    error = await failure("-netdev", f"user,id=n,hostfwd=tcp:127.0.0.1:{taken_port}-:22")
    assert f"port {taken_port} is already taken" in error.message
    assert "ssh.localPort" in error.hint


async def test_the_owner_of_a_taken_port_is_named(tmp_path: Path) -> None:
    script = ("import socket; listener = socket.create_server(('127.0.0.1', 0)); "
              "print(listener.getsockname()[1], flush=True); input()")
    async with proc.spawn([sys.executable, "-c", script], stdin=PIPE, stdout=PIPE) as other:
        assert other.stdout
        port = int(await other.stdout.readline())
        error = await failure("-netdev", f"user,id=n,hostfwd=tcp:127.0.0.1:{port}-:22")
    assert f"(pid {other.pid})" in error.message


async def test_a_locked_image_is_named(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    done = await proc.run(["qemu-img", "create", "-f", "qcow2", str(disk), "1M"], timeout=30)
    assert done.code == 0
    words = ("-drive", f"file={disk},if=none,id=d", "-device", "virtio-blk-pci,drive=d")
    holder = [*BARE, *words, "-S", "-qmp", "stdio"]
    async with proc.spawn(holder, stdin=PIPE, stdout=PIPE, grace=0) as first:
        assert first.stdout
        await first.stdout.readline()  # the greeting: the image is open now
        error = await failure(*words)
    assert f"`{disk}` is in use by another process" in error.message


@pytest.mark.parametrize(("words", "said"), [
    (("-cpu", "NoSuchCPU"), "does not know the CPU model `NoSuchCPU`"),
    (("-drive", "file=/nowhere/disk,if=virtio"), "cannot open `/nowhere/disk`: No such file or directory"),
    (("-kernel", "/nowhere/kernel"), "/nowhere/kernel"),
    (("-device", "warp-drive"), "lacks 'warp-drive'"),
    (("-chardev", f"socket,id=c,path=/tmp/{'x' * 120},server=on,wait=off"), "is too long"),
    (("-m", "900000G"), "not enough memory"),
])
async def test_other_causes_are_named(words: tuple[str, ...], said: str) -> None:
    error = await failure(*words)
    assert said in error.message
    assert error.hint and error.detail


async def test_a_second_qemu_with_the_same_pid_file(tmp_path: Path) -> None:
    words = ("-pidfile", str(tmp_path / "qemu.pid"))
    async with proc.spawn([*BARE, *words, "-S", "-qmp", "stdio"], stdin=PIPE, stdout=PIPE, grace=0) as first:
        assert first.stdout
        await first.stdout.readline()
        error = await failure(*words)
    assert "another QEMU of this instance" in error.message


def test_an_unknown_end_shows_the_last_words_and_no_warnings() -> None:
    error = failures.explain(-11, "qemu: warning: old\nqemu: something new went wrong\n")
    assert error.message.endswith("(killed by signal 11)")
    assert error.detail == "qemu: something new went wrong"


def test_the_msr_of_a_half_virtualized_host() -> None:
    error = failures.explain(-6, "qemu-system-x86_64: error: failed to set MSR 0x10a to 0x69\nAssertion failed")
    assert "KVM cannot run a guest" in error.message


@pytest.mark.parametrize(
    ("at", "bytes_"), [(40, b"\xff" * 8), (48, b"\xff" * 8), (4, b"\0\0\0\7"), (20, b"\0\0\0\x40")])
async def test_a_damaged_header_is_named(tmp_path: Path, at: int, bytes_: bytes) -> None:
    disk = tmp_path / "disk"
    done = await proc.run(["qemu-img", "create", "-f", "qcow2", str(disk), "1M"], timeout=30)
    assert done.code == 0
    with disk.open("r+b") as file:
        file.seek(at)
        file.write(bytes_)
    error = await failure("-drive", f"file={disk},if=none,id=d")
    assert "the disk is damaged" in error.message


async def test_a_kernel_for_another_architecture_is_named(tmp_path: Path) -> None:
    kernel, initrd = tmp_path / "kernel", tmp_path / "initrd"
    kernel.write_bytes(b"MZ".ljust(56, b"\0") + b"ARM\x64" + bytes(1 << 20))  # how arm64 kernels begin
    initrd.write_bytes(bytes(1 << 16))
    error = await failure("-kernel", str(kernel), "-initrd", str(initrd))
    assert "not one for this machine" in error.message
    assert "`arch`" in error.hint
