"""Starts that end on this computer: QEMU refuses, or what it needs is not there."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.vm.causes.bench import TCG, cause, instance, wait


@cause
def port_taken(folder: Path) -> Path:
    """The ssh port of lima.yaml is listened on by this process."""
    with instance() as it, socket.create_server(("127.0.0.1", 0)) as taken:
        it.yaml(f"ssh:\n  localPort: {taken.getsockname()[1]}")
        it.start()
        return it.keep(folder, "ha.stderr.log")


@cause
def image_locked(folder: Path) -> Path:
    """Another QEMU holds the disk."""
    with instance() as it:
        holder = subprocess.Popen(["qemu-system-x86_64", *TCG, "-S", "-drive", f"file={it.dir / 'disk'},if=virtio"])
        time.sleep(2)
        it.start()
        holder.kill()
        holder.wait()
        return it.keep(folder, "ha.stderr.log")


@cause
def backing_missing(folder: Path) -> Path:
    """The base of the disk is gone."""
    with instance() as it:
        (it.dir / "basedisk").unlink()
        it.start()
        return it.keep(folder, "ha.stderr.log")


@cause
def disk_damaged(folder: Path) -> Path:
    """The first sectors of the disk are overwritten with a header that promises too much."""
    with instance() as it:
        with (it.dir / "diffdisk").open("r+b") as file:
            file.seek(4)
            file.write(struct.pack(">I", 99))
        it.start()
        return it.keep(folder, "ha.stderr.log")


@cause
def kernel_missing(folder: Path) -> Path:
    """The kernel's file cannot be read as one."""
    with instance() as it:
        (it.dir / "kernel").unlink()
        (it.dir / "kernel").write_bytes(b"no kernel")
        it.start()
        return it.keep(folder, "ha.stderr.log")


@cause
def cpu_unknown(folder: Path) -> Path:
    """A CPU model that nobody makes."""
    with instance() as it:
        it.yaml("vmOpts:\n  qemu:\n    cpuType:\n      x86_64: NoSuchCPU")
        it.start()
        return it.keep(folder, "ha.stderr.log")


@cause
def memory_short(folder: Path) -> Path:
    """More memory than any computer has."""
    with instance() as it:
        it.yaml("memory: 8TiB")
        it.start()
        return it.keep(folder, "ha.stderr.log")


@cause
def qemu_missing(folder: Path) -> Path:
    """QEMU for the architecture is not installed."""
    with instance() as it:
        it.start(QEMU_SYSTEM_X86_64="/nowhere/qemu-system-x86_64")
        return it.keep(folder, "ha.stderr.log")


@cause
def firmware_missing(folder: Path) -> Path:
    """A guest that wants UEFI on a computer whose firmware is hidden by empty file systems."""
    with instance() as it:
        it.yaml("firmware: {legacyBIOS: false}")
        (it.dir / "kernel").unlink()
        hide = " && ".join(f"mount -t tmpfs none {each}" for each in ("/usr/share/OVMF", "/usr/share/qemu"))
        subprocess.run(["unshare", "-m", "sh", "-c", f"{hide} && {sys.executable} -m limatui start t"], check=False,
                       env=it.cli.env(), stdin=subprocess.DEVNULL, capture_output=True)
        return it.keep(folder, "ha.stderr.log")


@cause
def host_disk_full(folder: Path) -> Path:
    """The disk lies on a file system that fills up while the guest writes; QEMU stops it."""
    with instance() as it, tempfile.TemporaryDirectory(prefix="full-", dir="/tmp") as place:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", place], check=True)
        try:
            disk = Path(place) / "diffdisk"
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", (it.dir / "basedisk").resolve(), "-F",
                            "qcow2", disk, "4G"], check=True)
            (it.dir / "diffdisk").unlink()
            (it.dir / "diffdisk").symlink_to(disk)
            it.start(120)
            writer = it.cli.spawn("shell", "t", "sudo", "dd", "if=/dev/urandom", "of=/x", "bs=1M", "count=200")
            wait(it.dir / "ha.stderr.log", "BLOCK_IO_ERROR")
            kept = it.keep(folder, "ha.stderr.log")
            it.cli("stop", "-f", "t", check=False)
            writer.kill()
        finally:
            subprocess.run(["umount", "-l", place], check=False)
        return kept


@cause
def guest_powers_off(folder: Path) -> Path:
    """The tiny guest powers itself off when it does not find its disk."""
    with instance() as it:
        cmdline = it.dir / "kernel.cmdline"
        cmdline.write_text(cmdline.read_text().replace("/dev/vda", "/dev/vdz"))
        it.start(200)
        return it.keep(folder, "ha.stderr.log")


@cause
def qemu_killed(folder: Path) -> Path:
    """Somebody kills QEMU while the guest boots."""
    with instance() as it:
        starting = it.cli.spawn("start", "t")
        wait(it.dir / "serial.log", "Linux version")
        os.kill(it.cli.pid("t", "qemu"), signal.SIGKILL)
        starting.communicate(timeout=60)
        return it.keep(folder, "ha.stderr.log")
