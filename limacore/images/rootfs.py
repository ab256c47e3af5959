"""From a root file system in a tar file to a bootable ext4 image, without mounting and without root."""

from __future__ import annotations

import asyncio
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

from limacore.base import proc
from limacore.errors import ImageError
from limacore.images import initrd, vmlinux
from limacore.images.recipe import Recipe, payload_files

_OVERLAY = "rootfs/"
_DROPPED = ("etc/apt", "var/cache/apt", "var/lib/apt", "boot", "etc/hostname", "etc/resolv.conf")


async def unpack(archive: Path, tree: Path) -> None:
    """Unpack as the calling user; owners are put right inside the finished image by `set_owners`."""
    tree.mkdir()
    result = await proc.run(["tar", "-x", "-f", str(archive), "-C", str(tree), "--no-same-owner",
                             "--same-permissions", "--exclude=./dev/*"], timeout=600)
    if result.code != 0:
        raise ImageError("the root file system could not be unpacked", detail=result.stderr)


def kernel(tree: Path) -> bytes:
    """The kernel that the package brought, as an ELF file where QEMU can start that."""
    image = next((tree / "boot").glob("vmlinuz-*"), None)
    if image is None:
        raise ImageError("the kernel package brought no kernel")
    packed = image.read_bytes()
    return vmlinux.extract(packed) or packed


def initial_ram_disk(tree: Path, payload: Path, recipe: Recipe) -> bytes:
    """The RAM disk for the kernel in `tree`."""
    folder = next((tree / "usr/lib/modules").iterdir())
    found = list(initrd.modules(folder, recipe.root_modules, recipe.more_modules))
    return initrd.archive((payload / "initrd-init").read_bytes(), (tree / "usr/bin/busybox").read_bytes(), found)


def furnish(tree: Path, payload: Path, recipe: Recipe) -> None:
    """Put our own files and the busybox links into `tree`, and take away what the guest does not need."""
    for name in _DROPPED:
        _remove(tree / name)
    for key in (tree / "etc/ssh").glob("ssh_host_*"):
        key.unlink()  # made by the package at the build; each guest makes its own
    for name, content in payload_files(payload):
        if name.startswith(_OVERLAY):
            _place(tree / name.removeprefix(_OVERLAY), content)
    _link(tree / "usr/sbin/init", "../bin/busybox", replace=True)
    for applet in recipe.applets:
        if not any((tree / folder / applet).exists() for folder in ("usr/bin", "usr/sbin")):
            _link(tree / "usr/bin" / applet, "busybox", replace=False)
    _allow_console_root(tree / "etc/shadow")


def _remove(path: Path) -> None:
    import shutil

    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _place(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    path.chmod(0o755 if content.startswith(b"#!") else 0o644)


def _link(path: Path, target: str, *, replace: bool) -> None:
    if replace:
        path.unlink(missing_ok=True)
    if not path.is_symlink():
        path.symlink_to(target)


def _allow_console_root(shadow: Path) -> None:
    # Only the owner of the instance reaches its serial console; sshd takes keys alone.
    lines = shadow.read_text().splitlines()
    changed = ["root::" + line.split(":", 2)[2] if line.startswith("root:") else line for line in lines]
    mode = shadow.stat().st_mode
    shadow.chmod(0o600)
    shadow.write_text("\n".join(changed) + "\n")
    shadow.chmod(mode)


async def make_image(tree: Path, archive: Path, image: Path, size: int) -> None:
    """Write `image` (raw, sparse): ext4 with the content of `tree` and the owners recorded in `archive`."""
    await _checked(["mke2fs", "-q", "-t", "ext4", "-L", "tiny-root", "-m", "1", "-U", "clear",
                    "-E", "lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0,nodiscard",
                    "-d", str(tree), str(image), f"{size // 1024}k"])
    commands = await asyncio.to_thread(lambda: "\n".join(set_owners(archive, tree, os.geteuid() == 0)))
    script = image.with_name("owners.debugfs")
    script.write_text(commands + "\n")
    await _checked(["debugfs", "-w", "-f", str(script), str(image)])
    script.unlink()


def set_owners(archive: Path, tree: Path, as_root: bool) -> Iterator[str]:
    """debugfs commands that give every file its owner; unpacked by root, only those of others need one."""
    seen: set[str] = set()
    with tarfile.open(archive) as members:
        for member in members:
            name = "/" + member.name.removeprefix("./").lstrip("/")
            seen.add(name)
            if _is_there(tree, name) and (member.uid or member.gid or not as_root):
                yield from _owner(name, member.uid, member.gid)
    if not as_root:
        for path in tree.rglob("*"):
            name = "/" + path.relative_to(tree).as_posix()
            if name not in seen:
                yield from _owner(name, 0, 0)


def _is_there(tree: Path, name: str) -> bool:
    return os.path.lexists(f"{tree}{name}")


def _owner(name: str, uid: int, gid: int) -> tuple[str, str]:
    return f'sif "{name}" uid {uid}', f'sif "{name}" gid {gid}'


async def compact(raw: Path, image: Path) -> None:
    """The raw image as qcow2: small, and never copied hole by hole."""
    await _checked(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-o", "lazy_refcounts=off",
                    str(raw), str(image)])


async def _checked(argv: list[str]) -> None:
    result = await proc.run(argv, timeout=900)
    if result.code != 0:
        raise ImageError(f"`{argv[0]}` failed while building the guest image", detail=result.stderr[-600:])
