"""A trial of KVM: a boot sector of ours that ends QEMU with a code of its own, run by the real BIOS on a real vCPU."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from msgspec import Struct

from limacore.base import proc
from limacore.errors import HostError

_SECTOR = bytes((0xB0, 0x10, 0xE6, 0xF4, 0xF4, 0xEB, 0xFD))  # mov al,16; out 0xf4,al; hlt; jmp back to hlt
_DONE = 33  # isa-debug-exit ends QEMU with twice the written value plus one
_DISK_SIZE = 1 << 20  # SeaBIOS does not boot from a disk of less than one cylinder
_DEADLINE = 3.0
SUSPICIOUS = 1.0
"""A trial boot takes 0.1 s; when it took longer than this many seconds, emulation is timed for comparison."""


class Trial(Struct, frozen=True):
    """Seconds that KVM took (None: it never got there, `failure` says why) and emulation took (None: not timed)."""

    seconds: float | None
    failure: str = ""
    emulated: float | None = None


async def verdict(binary: str, arch: str, cpu: str) -> Trial:
    """Run the trial; never raises for what QEMU does, at most about 3 seconds."""
    if arch != "x86_64":
        return await _starts(binary, cpu)
    with tempfile.TemporaryDirectory(prefix="limatui-trial-") as directory:
        disk = write_boot_disk(Path(directory) / "boot.img")
        ran = await _boot(binary, "kvm", cpu, disk)
        if ran.seconds is None or ran.seconds < SUSPICIOUS:
            return ran
        emulated = await _boot(binary, "tcg", "max", disk)
        return Trial(ran.seconds, ran.failure, emulated.seconds)


def write_boot_disk(path: Path) -> Path:
    """A bootable raw disk whose sector ends QEMU with exit code 33, if it has `isa-debug-exit` at 0xf4."""
    with path.open("wb") as disk:
        disk.write(_SECTOR.ljust(510, b"\0") + b"\x55\xaa")
        disk.truncate(_DISK_SIZE)
    return path


def _argv(binary: str, accel: str, cpu: str, disk: Path) -> list[str]:
    return [
        binary, "-nodefaults", "-no-user-config", "-display", "none",
        "-machine", f"q35,accel={accel}",
        "-cpu", cpu,
        "-m", "64",
        "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
        "-drive", f"file={str(disk).replace(',', ',,')},format=raw,if=virtio",
    ]


async def _boot(binary: str, accel: str, cpu: str, disk: Path) -> Trial:
    start = time.monotonic()
    try:
        result = await proc.run(_argv(binary, accel, cpu, disk), timeout=_DEADLINE)
    except HostError:
        return Trial(None, f"a trial guest made no progress within {_DEADLINE:g} s (/dev/kvm opens, but the virtual "
                           f"processor does not run)")
    if result.code == _DONE:
        return Trial(time.monotonic() - start)
    return Trial(None, _said(result))


async def _starts(binary: str, cpu: str) -> Trial:
    """For machines without a boot sector of ours: the vCPU can at least be made."""
    argv = [binary, "-nodefaults", "-display", "none", "-S", "-machine", "virt,accel=kvm", "-cpu", cpu, "-m", "64",
            "-qmp", "stdio"]
    start = time.monotonic()
    leave = b'{"execute": "qmp_capabilities"}\n{"execute": "quit"}\n'
    try:
        result = await proc.run(argv, timeout=_DEADLINE, input=leave)
    except HostError:
        return Trial(None, "QEMU with KVM does not answer")
    return Trial(time.monotonic() - start) if result.code == 0 else Trial(None, _said(result))


def _said(result: proc.Result) -> str:
    told = [line for line in result.stderr.splitlines() if "error" in line.lower() or "fail" in line.lower()]
    first = (told or result.stderr.splitlines() or [f"QEMU ended with {result.code}"])[0]
    cause = (first.partition(": ")[2] or first).removeprefix("error: ")
    return f"/dev/kvm opens, but QEMU cannot run a guest with it ({cause})"
