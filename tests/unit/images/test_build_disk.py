"""The parts of a disk that firmware boots from: read back by other programs, and by hand where there is none."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from uuid import UUID

import pytest

from limacore.images import bootstrap, fat, firmwareguest, gpt
from limacore.images.recipe import DEBIAN_12, TINY, FirmwareBoot

MEBIBYTE = 1 << 20
DISK = UUID("11111111-2222-3333-4444-555555555555")
ROOT = UUID("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")


def table(path: Path) -> bytes:
    size = gpt.disk_size(9 * MEBIBYTE)
    parts = (gpt.Partition(1, gpt.LINUX_ROOT, ROOT, 4 * MEBIBYTE, 5 * MEBIBYTE, "root"),
             gpt.Partition(15, gpt.EFI_SYSTEM, DISK, MEBIBYTE, 3 * MEBIBYTE, "esp"))
    disk = io.BytesIO(bytes(size))
    gpt.write(disk, size, DISK, parts)
    path.write_bytes(disk.getvalue())
    return disk.getvalue()


def test_both_copies_of_the_table_carry_right_checksums(tmp_path: Path) -> None:
    disk = table(tmp_path / "disk")
    for at, other in ((512, len(disk) - 512), (len(disk) - 512, 512)):
        header = bytearray(disk[at:at + 92])
        signature, checksum = header[:8], struct.unpack_from("<I", header, 16)[0]
        here, there = struct.unpack_from("<QQ", header, 24)
        entries, count, size, entries_checksum = struct.unpack_from("<QIII", header, 72)
        struct.pack_into("<I", header, 16, 0)
        assert (signature, checksum) == (b"EFI PART", zlib.crc32(header))
        assert (here * 512, there * 512) == (at, other)
        assert entries_checksum == zlib.crc32(disk[entries * 512:entries * 512 + count * size])
    assert disk[510:512] == b"\x55\xaa" and disk[450] == 0xEE


@pytest.mark.skipif(not shutil.which("sfdisk"), reason="sfdisk is not installed")
def test_sfdisk_reads_the_table(tmp_path: Path) -> None:
    table(tmp_path / "disk")
    done = subprocess.run(["sfdisk", "--json", str(tmp_path / "disk")], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)["partitiontable"]
    assert (found["label"], found["id"].lower()) == ("gpt", str(DISK))
    root, esp = found["partitions"]
    assert (root["start"], root["size"], root["name"], root["uuid"].lower()) == (8192, 10240, "root", str(ROOT))
    assert (esp["node"][-2:], esp["start"], esp["type"].lower()) == ("15", 2048, str(gpt.EFI_SYSTEM))
    assert "corrupt" not in done.stderr, done.stderr


FILES = {"EFI/BOOT/BOOTX64.EFI": bytes(range(256)) * 40, "EFI/debian/grub.cfg": b"search\n", "empty.txt": b""}


def read_fat(volume: bytes) -> dict[str, bytes]:
    """Every file of a FAT16 volume, by the tables on it alone."""
    sector, per_cluster, reserved, fats, entries = struct.unpack_from("<HBHBH", volume, 11)
    fat_sectors = struct.unpack_from("<H", volume, 22)[0]
    root = (reserved + fats * fat_sectors) * sector
    data, cluster = root + entries * 32, per_cluster * sector
    links = struct.unpack_from(f"<{fat_sectors * sector // 2}H", volume, reserved * sector)

    def content(first: int) -> bytes:
        found = b""
        while 2 <= first < 0xFFF8:
            found += volume[data + (first - 2) * cluster:data + (first - 1) * cluster]
            first = links[first]
        return found

    def walk(raw: bytes, prefix: str) -> dict[str, bytes]:
        files: dict[str, bytes] = {}
        for at in range(0, len(raw), 32):
            name, kind = raw[at:at + 11], raw[at + 11]
            first, size = struct.unpack_from("<HI", raw, at + 26)
            if not name[0] or kind & 8 or name.startswith(b"."):
                continue
            text = prefix + ".".join(filter(None, (name[:8].decode().strip(), name[8:].decode().strip())))
            files |= walk(content(first), text + "/") if kind & 0x10 else {text: content(first)[:size]}
        return files

    return walk(volume[root:data], "")


def test_files_read_back_from_the_boot_volume() -> None:
    volume = fat.volume(FILES, 32 * MEBIBYTE, "ESP", 0x1234ABCD)
    assert len(volume) == 32 * MEBIBYTE
    assert read_fat(volume) == {name.upper(): content for name, content in FILES.items()}
    assert fat.volume(FILES, 32 * MEBIBYTE, "ESP", 0x1234ABCD) == volume


@pytest.mark.skipif(not shutil.which("fsck.vfat"), reason="fsck.vfat is not installed")
def test_fsck_finds_the_boot_volume_clean(tmp_path: Path) -> None:
    (tmp_path / "esp").write_bytes(fat.volume(FILES, 32 * MEBIBYTE, "ESP", 1))
    done = subprocess.run(["fsck.vfat", "-n", str(tmp_path / "esp")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("files", "size"), [
    ({"a-long-name.cfg": b""}, 32 * MEBIBYTE), ({"a.conf": b""}, 32 * MEBIBYTE), ({"A": b""}, MEBIBYTE),
    ({"A": bytes(33 * MEBIBYTE)}, 32 * MEBIBYTE), ({"A": b"", "A/B": b""}, 32 * MEBIBYTE),
])  # fmt: skip
def test_what_the_boot_volume_cannot_hold_is_refused(files: dict[str, bytes], size: int) -> None:
    with pytest.raises(ValueError, match=r"name|room|fit|volume|directory"):
        fat.volume(files, size, "ESP", 1)


def tree(root: Path) -> Path:
    for name in ("boot/vmlinuz-6.1", "etc/ssh/ssh_host_rsa_key", "etc/apt/apt.conf.d/99mmdebstrap", "etc/hostname",
                 "var/log/apt/history.log", "var/lib/apt/lists/x", "etc/resolv.conf"):  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("of the build")
    return root


def test_a_full_guest_keeps_nothing_of_the_computer_that_built_it(tmp_path: Path) -> None:
    assert isinstance(DEBIAN_12.boot, FirmwareBoot)
    root = tree(tmp_path)
    firmwareguest.furnish(root, Path("/nonexistent"), DEBIAN_12, DEBIAN_12.boot)
    left = [path for path in root.rglob("*") if path.is_file() and path.read_text() == "of the build"]
    assert left == [root / "boot/vmlinuz-6.1"]
    assert (root / "etc/machine-id").read_bytes() == b""
    uuid, menu = str(firmwareguest.names(DEBIAN_12).root), (root / "boot/grub/grub.cfg").read_text()
    assert f"linux /boot/vmlinuz-6.1 root=UUID={uuid} ro {DEBIAN_12.cmdline}" in menu
    assert f"UUID={uuid} / ext4" in (root / "etc/fstab").read_text()
    assert (root / "etc/systemd/system/fstrim.timer").readlink() == Path("/dev/null")


def test_a_full_guest_is_of_its_release_wherever_it_is_built(tmp_path: Path) -> None:
    (tmp_path / "apt/sources.list.d").mkdir(parents=True)
    (tmp_path / "os-release").write_text("ID=debian\nVERSION_CODENAME=trixie\n")
    (tmp_path / "apt/sources.list").write_text("deb http://mirror.example/debian trixie main\n")
    assert "mirror.example" in bootstrap.host_sources(tmp_path).text
    asked = bootstrap.host_sources(tmp_path, DEBIAN_12.suite)
    assert asked.suite == "bookworm" and "mirror.example" not in asked.text


def test_only_the_full_guest_has_its_kernel_as_a_package() -> None:
    full = bootstrap.arguments(DEBIAN_12, Path("/s"), "bookworm", Path("/a"), [])
    tiny = bootstrap.arguments(TINY, Path("/s"), "bookworm", Path("/a"), [])
    assert any(word.startswith("--essential-hook=set -e") and "MODULES=list" in word for word in full)
    assert not any("dpkg-deb" in word for word in full) and any("dpkg-deb" in word for word in tiny)
