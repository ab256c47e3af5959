"""What makes packages a disk that UEFI firmware starts: GRUB in an EFI system partition, a root partition behind it."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

from msgspec import Struct

from limacore.errors import ImageError
from limacore.images import fat, gpt, rootfs
from limacore.images.recipe import FirmwareBoot, Recipe

_ESP_START = 1 << 20
_ESP_NUMBER, _ROOT_NUMBER = 15, 1
"""As in the images of Debian and Ubuntu: the root partition is the first by number and the last on the disk."""

_LOADER = "usr/lib/grub/x86_64-efi/monolithic/grubx64.efi"
"""With all its modules inside; it reads /EFI/debian/grub.cfg of the volume that it was started from."""

_EMPTIED = ("var/cache/apt/archives", "var/lib/apt/lists", "var/log", "run", "tmp", "boot/efi")
_MMDEBSTRAP_SETTINGS = ("etc/apt/apt.conf.d/99mmdebstrap",)


class Names(Struct, frozen=True):
    """The UUIDs of an image: made from its recipe's name, so that the same recipe gives the same image."""

    disk: UUID
    esp: UUID
    root: UUID
    root_partition: UUID
    serial: int
    """Of the FAT volume, which has no UUID."""

    @property
    def serial_text(self) -> str:
        """As udev and fstab write it."""
        return f"{self.serial >> 16:04X}-{self.serial & 0xFFFF:04X}"


def names(recipe: Recipe) -> Names:
    """The names in an image of `recipe`."""
    disk, esp, root, partition = (uuid5(NAMESPACE_URL, f"image:{recipe.name}/{part}")
                                  for part in ("disk", "esp", "root", "root-partition"))
    return Names(disk, esp, root, partition, esp.int & 0xFFFFFFFF)


def furnish(tree: Path, payload: Path, recipe: Recipe, boot: FirmwareBoot) -> None:
    """Put our own files into `tree`, and take away what belongs to the build or to one guest alone."""
    for name in _EMPTIED:
        _empty(tree / name)
    for name in _MMDEBSTRAP_SETTINGS:
        rootfs.remove(tree / name)  # holds the proxies of this computer
    rootfs.forget_identity(tree)
    rootfs.overlay(tree, payload)
    found = names(recipe)
    rootfs.place(tree / "etc/machine-id", b"")
    rootfs.place(tree / "etc/fstab", _fstab(found).encode())
    rootfs.place(tree / "boot/grub/grub.cfg", _menu(tree, recipe, found).encode())
    rootfs.place(tree / "etc/default/grub.d/50-console.cfg", _grub_defaults(recipe).encode())
    rootfs.link(tree / "etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf")
    _units(tree, boot)


def _empty(folder: Path) -> None:
    # What packages own below var/log stays: services start in directories that they expect.
    for path in folder.rglob("*"):
        if path.is_file() or path.is_symlink():
            path.unlink()


def _fstab(found: Names) -> str:
    return (f"UUID={found.root} / ext4 rw,discard,errors=remount-ro 0 1\n"
            f"UUID={found.serial_text} /boot/efi vfat umask=0077,noauto,x-systemd.automount 0 0\n")


def _menu(tree: Path, recipe: Recipe, found: Names) -> str:
    # What update-grub would write; it cannot run where there is no device. In the guest it writes its own.
    release = _kernel_release(tree)
    return (f"set timeout=0\nsearch --no-floppy --fs-uuid --set=root {found.root}\n"
            "menuentry 'Debian GNU/Linux' {\n"
            f"  linux /boot/vmlinuz-{release} root=UUID={found.root} ro {recipe.cmdline}\n"
            f"  initrd /boot/initrd.img-{release}\n}}\n")


def _kernel_release(tree: Path) -> str:
    image = next((tree / "boot").glob("vmlinuz-*"), None)
    if image is None:
        raise ImageError("the kernel package brought no kernel")
    return image.name.removeprefix("vmlinuz-")


def _grub_defaults(recipe: Recipe) -> str:
    return f'GRUB_TIMEOUT=0\nGRUB_CMDLINE_LINUX_DEFAULT=""\nGRUB_CMDLINE_LINUX="{recipe.cmdline}"\n'


def _units(tree: Path, boot: FirmwareBoot) -> None:
    system = tree / "etc/systemd/system"
    for name in boot.masked_units:
        rootfs.link(system / name, "/dev/null")
    for name in boot.enabled_units:
        target = f"/lib/systemd/system/{name}.service"
        rootfs.link(system / "multi-user.target.wants" / f"{name}.service", target)


async def make_disk(scratch: Path, archive: Path, recipe: Recipe, boot: FirmwareBoot) -> None:
    """Write `raw` in `scratch`: both partitions, from the `tree` beside it and the owners in `archive`."""
    found, tree, raw = names(recipe), scratch / "tree", scratch / "raw"
    esp = gpt.Partition(_ESP_NUMBER, gpt.EFI_SYSTEM, found.esp, _ESP_START, boot.esp_size, "esp")
    root = gpt.Partition(_ROOT_NUMBER, gpt.LINUX_ROOT, found.root_partition, esp.start + esp.size,
                         recipe.image_size, "root")
    size = gpt.disk_size(root.start + root.size)
    with raw.open("wb") as disk:
        os.truncate(disk.fileno(), size)
        gpt.write(disk, size, found.disk, (root, esp))
        disk.seek(esp.start)
        disk.write(_boot_volume(tree, found, esp.size))
    volume = rootfs.Volume("root", str(found.root), root.size, root.start)
    await rootfs.make_image(tree, archive, raw, volume)


def _boot_volume(tree: Path, found: Names, size: int) -> bytes:
    loader = (tree / _LOADER).read_bytes()
    menu = (f"search --no-floppy --fs-uuid --set=root {found.root}\n"
            "set prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n")
    return fat.volume({"EFI/BOOT/BOOTX64.EFI": loader, "EFI/debian/grubx64.efi": loader,
                       "EFI/debian/grub.cfg": menu.encode()}, size, "ESP", found.serial)
