"""Boots that end in the kernel or before there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.vm.causes.bench import AARCH64, boot, cause, empty, tiny, with_init


def kernel(folder: Path, until: str, append: str, *more: object) -> Path:
    return boot(folder, "-kernel", tiny("kernel"), "-append", f"console=ttyS0 panic=0 {append}", *more, until=until)


@cause
def panic_no_root(folder: Path) -> Path:
    """A kernel, no disk, no initial RAM disk."""
    return kernel(folder, "end Kernel panic", "root=/dev/vda1")


@cause
def panic_init_ended(folder: Path) -> Path:
    """An /init that ends at once."""
    program = shutil.which("busybox") or "/bin/busybox"
    with tempfile.TemporaryDirectory() as scratch:
        listing = subprocess.run(["cpio", "-idm", "--quiet"], stdin=tiny("initrd").open("rb"), cwd=scratch, check=False)
        busybox = Path(scratch) / "bin/busybox"
        assert busybox.exists(), (program, listing)
        root = folder / "root/bin"
        root.mkdir(parents=True)
        shutil.copy(busybox, root / "busybox")
    initrd = with_init(folder, b"#!/bin/busybox sh\necho init: giving up\nexit 3\n")
    return kernel(folder, "end Kernel panic", "rdinit=/init", "-initrd", initrd)


@cause
def panic_no_init(folder: Path) -> Path:
    """An /init for another processor: the header of an aarch64 program."""
    return kernel(folder, "end Kernel panic", "rdinit=/init", "-initrd", with_init(folder, AARCH64))


@cause
def initrd_damaged(folder: Path) -> Path:
    """An initial RAM disk whose second half is noise."""
    whole, broken = tiny("initrd").read_bytes(), folder / "initrd"
    broken.write_bytes(whole[:len(whole) // 2] + os.urandom(len(whole) // 2))
    return kernel(folder, "end Kernel panic|no root file system", "root=/dev/vda", "-initrd", broken)


@cause
def memory_too_small(folder: Path) -> Path:
    """A guest with less memory than its initial RAM disk needs when it is unpacked."""
    root = folder / "root"
    root.mkdir()
    (root / "ballast").write_bytes(bytes(300 << 20))
    initrd = with_init(folder, b"#!/none")
    subprocess.run(["gzip", "-1", initrd], check=True)
    return kernel(folder, "end Kernel panic", "rdinit=/init rootfstype=ramfs", "-m", "256", "-initrd", f"{initrd}.gz")


@cause
def root_not_found(folder: Path) -> Path:
    """The tiny guest whose disk is named wrong."""
    return kernel(folder, "no root file system", "root=/dev/vdz", "-initrd", tiny("initrd"))


@cause
def disk_errors(folder: Path) -> Path:
    """A disk that cannot be read."""
    rules = folder / "rules"
    rules.write_text('[inject-error]\nevent = "read_aio"\nerrno = "5"\n')
    broken = f"file=blkdebug:{rules}:{empty(folder)},format=raw,if=virtio"
    return kernel(folder, "I/O error", "root=/dev/vda", "-initrd", tiny("initrd"), "-drive", broken)


@cause
def wrong_arch_kernel(folder: Path) -> Path:
    """A kernel for aarch64; what counts is QEMU's word."""
    kernel = folder / "kernel"
    kernel.write_bytes(AARCH64)
    boot(folder, "-kernel", kernel, until="never")
    return folder / "qemu.stderr.log"


@cause
def kvm_unusable(folder: Path) -> Path:
    """/dev/kvm of a computer that lets it be opened and cannot run a guest."""
    boot(folder, "-accel", "kvm", "-cpu", "host", "-display", "none", until="never", kvm=True)
    return folder / "qemu.stderr.log"


@cause
def kvm_denied(folder: Path) -> Path:
    """/dev/kvm as somebody who is not in its group."""
    argv = ["setpriv", "--reuid=65534", "--clear-groups", "qemu-system-x86_64", "-accel", "kvm", "-display", "none"]
    log = folder / "qemu.stderr.log"
    log.write_bytes(subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, check=False, timeout=60).stderr)
    return log
