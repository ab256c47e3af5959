"""What makes packages a tiny guest: a kernel that QEMU starts itself, a RAM disk, busybox as init."""

from __future__ import annotations

from pathlib import Path

from limacore.errors import ImageError
from limacore.images import initrd, rootfs, vmlinux
from limacore.images.recipe import DirectBoot

_OF_CONSOLE = ("etc/inittab", "usr/lib/tiny/login")
_DROPPED = ("etc/apt", "var/cache/apt", "var/lib/apt", "boot")


def write_boot_files(tree: Path, payload: Path, boot: DirectBoot, out: Path) -> None:
    """Write `kernel` and `initrd` into the directory `out`."""
    (out / "kernel").write_bytes(_kernel(tree))
    (out / "initrd").write_bytes(_initial_ram_disk(tree, payload, boot))


def _kernel(tree: Path) -> bytes:
    image = next((tree / "boot").glob("vmlinuz-*"), None)
    if image is None:
        raise ImageError("the kernel package brought no kernel")
    packed = image.read_bytes()
    return vmlinux.extract(packed) or packed


def _initial_ram_disk(tree: Path, payload: Path, boot: DirectBoot) -> bytes:
    folder = next((tree / "usr/lib/modules").iterdir())
    found = list(initrd.modules(folder, boot.root_modules, boot.more_modules))
    return initrd.archive((payload / "initrd-init").read_bytes(), (tree / "usr/bin/busybox").read_bytes(), found)


def furnish(tree: Path, payload: Path, boot: DirectBoot) -> None:
    """Put our own files and the busybox links into `tree`, and take away what the guest does not need."""
    for name in _DROPPED:
        rootfs.remove(tree / name)
    rootfs.forget_identity(tree)
    rootfs.overlay(tree, payload)
    for name in _OF_CONSOLE:
        rootfs.place(tree / name, (tree / name).read_bytes().replace(b"ttyS0", boot.console.encode()))
    rootfs.link(tree / "usr/sbin/init", "../bin/busybox")
    for applet in boot.applets:
        if not any((tree / folder / applet).exists() for folder in ("usr/bin", "usr/sbin")):
            rootfs.link(tree / "usr/bin" / applet, "busybox", replace=False)
    _allow_console_root(tree / "etc/shadow")


def _allow_console_root(shadow: Path) -> None:
    # Only the owner of the instance reaches its serial console; sshd takes keys alone.
    lines = shadow.read_text().splitlines()
    changed = ["root::" + line.split(":", 2)[2] if line.startswith("root:") else line for line in lines]
    mode = shadow.stat().st_mode
    shadow.chmod(0o600)
    shadow.write_text("\n".join(changed) + "\n")
    shadow.chmod(mode)
