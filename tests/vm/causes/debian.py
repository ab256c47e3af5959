"""A Debian guest whose root file system was changed before it booted."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.vm.causes.bench import LIMIT, Broken, cause, empty, instance, wait


@contextlib.contextmanager
def debian() -> Iterator[Broken]:
    """A Debian instance with a raw disk of its own."""
    with instance("template:build-debian-12") as it:
        base = (it.dir / "basedisk").resolve()
        for name in ("disk", "diffdisk"):
            (it.dir / name).unlink(missing_ok=True)
        subprocess.run(["qemu-img", "convert", "-O", "raw", base, it.dir / "disk"], check=True)
        (it.dir / "disk").chmod(0o600)
        yield it


@contextlib.contextmanager
def mounted(disk: Path) -> Iterator[Path]:
    """The root file system of a raw disk, to be changed."""
    with tempfile.TemporaryDirectory(prefix="root-", dir="/tmp") as place:
        subprocess.run(["mount", "-o", f"loop,offset={root_of(disk)}", disk, place], check=True)
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", place], check=True)


def root_of(disk: Path) -> int:
    """Where the largest partition begins, in bytes."""
    said = subprocess.run(["sgdisk", "-p", disk], check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in said.splitlines() if re.match(r" +\d+ +\d+ +\d+ ", line)]
    return max((int(row[2]) - int(row[1]), int(row[1])) for row in rows)[1] * 512


def _debian(folder: Path, breaks: Callable[[Path], object], until: str) -> Path:
    with debian() as it:
        with mounted(it.dir / "disk") as root:
            breaks(root)
        starting = it.cli.spawn("start", "t")
        wait(it.dir / "serial.log", until, LIMIT)
        time.sleep(2)
        it.cli("stop", "-f", "t", check=False)
        starting.communicate(timeout=60)
        it.keep(folder, "ha.stderr.log")
        return it.keep(folder, "serial.log")


def append(path: Path, text: str) -> None:
    """Add to a file of a guest."""
    path.write_text((path.read_text() if path.exists() else "") + text)


@cause
def emergency_mode(folder: Path) -> Path:
    """A line of /etc/fstab names a disk that is not there."""
    line = "LABEL=gone /data ext4 defaults,x-systemd.device-timeout=5s 0 2\n"
    return _debian(folder, lambda root: append(root / "etc/fstab", line), "mergency mode")


@cause
def initramfs_shell(folder: Path) -> Path:
    """The boot loader names a root file system that is not there."""
    def breaks(root: Path) -> None:
        for config in root.glob("boot/grub/grub.cfg"):
            config.write_text(re.sub(r"root=\S*=\S*", "root=UUID=12345678 rootdelay=2", config.read_text()))
    return _debian(folder, breaks, r"\(initramfs\)")


@cause
def sshd_failed(folder: Path) -> Path:
    """sshd refuses its configuration."""
    return _debian(folder, lambda root: append(root / "etc/ssh/sshd_config.d/00.conf", "NoSuchWord yes\n"),
                   r"Failed to start .{0,20}ssh\.service")


@cause
def cloud_init_failed(folder: Path) -> Path:
    """A module of cloud-init that is broken."""
    def breaks(root: Path) -> None:
        for module in root.glob("usr/lib/python3/dist-packages/cloudinit/config/cc_users_groups.py"):
            append(module, "\n\ndef handle(*words):\n    raise RuntimeError('broken for the log')\n")
    return _debian(folder, breaks, "login:")


@cause
def no_address(folder: Path) -> Path:
    """The guest has no program that asks for an address."""
    return _debian(folder, lambda root: (root / "usr/lib/systemd/systemd-networkd").unlink(missing_ok=True), "login:")


@cause
def fsck_by_hand(folder: Path) -> Path:
    """Two files own one block. What fsck says about it at boot is taken from fsck itself, run here."""
    disk, content, log = empty(folder), folder / "content", folder / "serial.log"
    content.write_bytes(b"A" * 40000)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "^extents,^64bit", disk], check=True)

    def ask(*requests: str) -> str:
        argv = ["debugfs", "-w", "-f", "/dev/stdin", disk]
        return subprocess.run(argv, input="\n".join(requests), check=True, capture_output=True, text=True).stdout

    ask(f"write {content} one", f"write {content} two")
    block = ask("bmap one 0").split()[-1]
    ask(f"set_inode_field two block[0] {block}", "set_super_value state 2")
    fsck = subprocess.run(["fsck.ext4", "-p", disk], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    log.write_bytes(fsck.stdout.replace(os.fsencode(disk), b"/dev/vda1"))
    return log


@cause
def healthy_debian(folder: Path) -> Path:
    """Nothing is wrong."""
    with instance("template:build-debian-12") as it:
        it.start(400)
        it.keep(folder, "ha.stderr.log")
        return it.keep(folder, "serial.log")
