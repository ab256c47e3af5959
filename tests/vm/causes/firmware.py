"""Boots that end in the firmware or in a boot loader; GRUB's tools make them (grub-*-bin, mtools)."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

from tests.vm.causes.bench import boot, cause, drive, empty


def esp(folder: Path, loader: Path) -> Path:
    """A disk with one EFI boot loader."""
    disk = empty(folder)
    subprocess.run(["mformat", "-i", disk, "-F", "::"], check=True)
    subprocess.run(["mmd", "-i", disk, "::/EFI", "::/EFI/BOOT"], check=True)
    subprocess.run(["mcopy", "-i", disk, loader, "::/EFI/BOOT/BOOTX64.EFI"], check=True)
    return disk


def grub(folder: Path, system: str, *modules: str, prefix: str) -> Path:
    """GRUB for a kind of firmware, with nothing to boot."""
    made, early = folder / f"grub.{system}", folder / "early.cfg"
    early.write_text("serial --unit=0 --speed=115200\nterminal_input serial\nterminal_output serial\n")
    subprocess.run(["grub-mkimage", "-O", system, "-o", made, "-p", prefix, "-c", early, "serial", "terminal", "fat",
                    *modules], check=True)
    return made


@cause
def no_bootable_device(folder: Path) -> Path:
    """SeaBIOS, told to talk on the serial port, and a disk of zeros."""
    return boot(folder, "-machine", "graphics=off", *drive(empty(folder)), until="No bootable device")


@cause
def uefi_nothing_to_boot(folder: Path) -> Path:
    """OVMF and a disk of zeros; it ends in its shell."""
    return boot(folder, "-bios", "/usr/share/qemu/OVMF.fd", *drive(empty(folder)), until="Shell>")


@cause
def uefi_wrong_loader(folder: Path) -> Path:
    """OVMF and a boot loader for another processor."""
    loader = grub(folder, "x86_64-efi", "normal", prefix="/boot/grub")
    image = bytearray(loader.read_bytes())
    header = struct.unpack_from("<I", image, 0x3C)[0]
    struct.pack_into("<H", image, header + 4, 0xAA64)
    loader.write_bytes(image)
    return boot(folder, "-bios", "/usr/share/qemu/OVMF.fd", *drive(esp(folder, loader)), until="Shell>")


@cause
def grub_prompt(folder: Path) -> Path:
    """OVMF, GRUB and no configuration for it."""
    loader = grub(folder, "x86_64-efi", "normal", "configfile", "ls", prefix="/nowhere")
    return boot(folder, "-bios", "/usr/share/qemu/OVMF.fd", *drive(esp(folder, loader)), until="grub>")


@cause
def grub_rescue(folder: Path) -> Path:
    """SeaBIOS and a GRUB whose partition is gone."""
    core = grub(folder, "i386-pc", "biosdisk", "part_msdos", "ext2", prefix="(hd0,msdos1)/boot/grub")
    sector = bytearray(Path("/usr/lib/grub/i386-pc/boot.img").read_bytes())
    disk = empty(folder)
    with disk.open("r+b") as file:
        file.write(sector[:512])
        file.write(core.read_bytes())
    return boot(folder, "-machine", "graphics=off", *drive(disk), until="rescue>")


@cause
def uefi_shell(folder: Path) -> Path:
    """OVMF without any disk."""
    return boot(folder, "-nodefaults", "-bios", "/usr/share/qemu/OVMF.fd", until="Shell>")
