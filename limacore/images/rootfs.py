"""From a root file system in a tar file to a bootable ext4 image, without mounting and without root."""

from __future__ import annotations

import asyncio
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from limacore.base import proc
from limacore.errors import ImageError
from limacore.images.recipe import payload_files

_OVERLAY = "rootfs/"
_FEATURES = ("none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,"
             "huge_file,dir_nlink,extra_isize,metadata_csum")
"""Named one by one: a newer mke2fs of the host adds what GRUB and the guest's own e2fsck do not know."""


async def unpack(archive: Path, tree: Path) -> None:
    """Unpack as the calling user; owners are put right inside the finished image by `set_owners`."""
    tree.mkdir()
    result = await proc.run(["tar", "-x", "-f", str(archive), "-C", str(tree), "--no-same-owner",
                             "--same-permissions", "--exclude=./dev/*"], timeout=600)
    if result.code != 0:
        raise ImageError("the root file system could not be unpacked", detail=result.stderr)


def remove(path: Path) -> None:
    """Take a file or a whole directory out of the tree, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def forget_identity(tree: Path) -> None:
    """Take away what each guest has for itself and the packages made at the build."""
    for key in (tree / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    remove(tree / "etc/hostname")
    remove(tree / "etc/resolv.conf")


def overlay(tree: Path, payload: Path) -> None:
    """Put our own files for the guest into `tree`."""
    for name, content in payload_files(payload):
        if name.startswith(_OVERLAY):
            place(tree / name.removeprefix(_OVERLAY), content)


def place(path: Path, content: bytes) -> None:
    """Write one file of the guest; scripts can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    path.chmod(0o755 if content.startswith(b"#!") else 0o644)


def link(path: Path, target: str, *, replace: bool = True) -> None:
    """Make a symbolic link in the tree."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if replace:
        path.unlink(missing_ok=True)
    if not path.is_symlink():
        path.symlink_to(target)


class Volume(Struct, frozen=True):
    """An ext4 file system: its name, its UUID or `clear`, its bytes, and where in the image it begins."""

    label: str
    uuid: str
    size: int
    offset: int = 0


async def make_image(tree: Path, archive: Path, image: Path, volume: Volume) -> None:
    """Write `volume` into `image` (raw, sparse) with the content of `tree` and the owners recorded in `archive`."""
    await _checked(["mke2fs", "-q", "-t", "ext4", "-O", _FEATURES, "-L", volume.label, "-m", "1", "-U", volume.uuid,
                    "-E", f"lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0,nodiscard,offset={volume.offset}",
                    "-d", str(tree), str(image), f"{volume.size // 1024}k"])
    commands = await asyncio.to_thread(lambda: "\n".join(set_owners(archive, tree, os.geteuid() == 0)))
    script = image.with_name("owners.debugfs")
    script.write_text(commands + "\n")
    await _checked(["debugfs", "-w", "-f", str(script), f"{image}?offset={volume.offset}"])
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
