"""What the guests built here consist of: packages, modules, command line, and the digest that names a build."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

_MEBIBYTE = 1 << 20


class DirectBoot(Struct, frozen=True, omit_defaults=True, tag="direct"):
    """QEMU starts the kernel itself; busybox is the init."""

    kernel_package: str
    excluded_modules: tuple[str, ...]
    root_modules: tuple[str, ...]
    more_modules: tuple[str, ...]
    applets: tuple[str, ...]
    """busybox programs linked where no package brings the real one."""
    console: str = "ttyS0"
    """Where the login prompt is."""


class FirmwareBoot(Struct, frozen=True, tag="firmware"):
    """UEFI firmware starts GRUB from the disk, as with the images that distributions publish."""

    suite: str
    initramfs_modules: tuple[str, ...]
    """Kernel modules in the RAM disk besides what its own scripts add."""
    enabled_units: tuple[str, ...]
    masked_units: tuple[str, ...]
    esp_size: int
    """Bytes of the EFI system partition."""


class Recipe(Struct, frozen=True, omit_defaults=True):
    """Everything that decides what a built image is; its JSON form is kept beside the image."""

    name: str
    format: int
    """Counts changes of the build code itself, so that an old image is not taken for a new one."""
    arch: str
    packages: tuple[str, ...]
    excluded_paths: tuple[str, ...]
    cmdline: str
    image_size: int
    """Bytes of the root file system as built; a boot grows it to its disk."""
    boot: DirectBoot | FirmwareBoot
    of: str = ""
    """The recipe of which this is the form for a foreign architecture."""

    @property
    def suite(self) -> str:
        """The Debian release that is asked for; empty for that of this computer."""
        return self.boot.suite if isinstance(self.boot, FirmwareBoot) else ""


_UNREAD = (
    "/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*",
    "/usr/share/i18n/*", "/usr/share/lintian/*", "/usr/share/bash-completion/*",
)

_TINY_BOOT = DirectBoot(
    kernel_package="linux-image-cloud-amd64",
    excluded_modules=(
        "drivers/infiniband", "drivers/comedi", "drivers/hid", "drivers/target", "drivers/nvdimm",
        "drivers/net/ethernet", "drivers/xen", "drivers/hv", "drivers/soundwire", "drivers/vfio",
        "fs/ceph", "fs/smb", "fs/orangefs", "fs/ocfs2", "fs/gfs2", "fs/dlm",
        "net/ceph", "net/rds", "net/smc", "net/tipc", "net/sctp", "net/dccp", "net/openvswitch",
    ),
    root_modules=("virtio_pci", "virtio_blk"),
    more_modules=(
        "virtio_net", "virtio_console", "sr_mod", "isofs", "virtio_scsi", "tcp_diag", "udp_diag", "evdev", "button",
        "virtio-rng",
    ),
    applets=(
        "udhcpc", "acpid", "getty", "vi", "less", "ping", "wget", "nc", "telnet", "traceroute", "nslookup",
        "unzip", "xxd", "crond", "crontab", "time", "tree", "lsscsi", "strings",
    ),
)
TINY = Recipe(
    name="tiny",
    format=1,
    arch="amd64",
    packages=(
        "busybox-static", "kmod", "python3", "openssh-server", "openssh-sftp-server", "sshfs", "sudo",
        "iproute2", "procps", "e2fsprogs", "ca-certificates", "rsync", "nftables",
    ),
    excluded_paths=_UNREAD,
    cmdline=(
        "root=/dev/vda rw console=ttyS0 net.ifnames=0 scsi_mod.scan=sync nokaslr no_timer_check"
        " mitigations=off audit=0 selinux=0 apparmor=0 random.trust_cpu=on rcupdate.rcu_expedited=1"
    ),
    image_size=1024 * _MEBIBYTE,
    boot=_TINY_BOOT,
)

TINY_AARCH64 = replace(
    TINY, name="tiny-aarch64", arch="arm64", of="tiny",
    cmdline=TINY.cmdline.replace("ttyS0", "ttyAMA0").replace(" no_timer_check", ""),
    boot=replace(_TINY_BOOT, kernel_package="linux-image-cloud-arm64", console="ttyAMA0"),
)

DEBIAN_12 = Recipe(
    name="debian-12",
    format=1,
    arch="amd64",
    packages=(
        "apt", "debian-archive-keyring", "systemd", "systemd-sysv", "systemd-resolved", "dbus", "libpam-systemd",
        # The cloud kernel has no 9p.
        "udev", "kmod", "linux-image-amd64", "initramfs-tools", "lz4", "grub-efi-amd64", "e2fsprogs",
        "dosfstools", "cloud-init", "cloud-guest-utils", "openssh-server", "openssh-sftp-server", "sshfs",
        "fuse3", "sudo", "python3", "ca-certificates", "rsync", "iproute2", "iputils-ping", "procps", "less",
        "tzdata", "nftables",
    ),
    excluded_paths=_UNREAD,
    # The last of two consoles is /dev/console: what the boot says must be in serial.log.
    cmdline=(
        "console=tty0 console=ttyS0,115200 net.ifnames=0 nokaslr no_timer_check mitigations=off"
        " random.trust_cpu=on"
    ),
    image_size=1792 * _MEBIBYTE,
    boot=FirmwareBoot(
        suite="bookworm",
        initramfs_modules=("virtio_pci", "virtio_blk", "virtio_scsi", "ext4"),
        enabled_units=("systemd-networkd", "systemd-resolved"),
        # Nothing that wakes an emulated machine by itself.
        masked_units=(
            "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer",
            "e2scrub_reap.service", "fstrim.timer", "systemd-pstore.service", "grub-common.service",
        ),
        esp_size=32 * _MEBIBYTE,
    ),
)

RECIPES = {each.name: each for each in (TINY, TINY_AARCH64, DEBIAN_12)}


def payload_dir(name: str) -> Path:
    """The directory of our own files in the guest `name`; data, never imported."""
    return Path(str(files("limacore"))) / "guest" / "payload" / name


def digest(recipe: Recipe, payload: Path, sources: str) -> str:
    """16 hex digits over the recipe, our files in the guest, and the distribution's sources."""
    state = hashlib.sha256(msgspec.json.encode(recipe))
    state.update(sources.encode())
    for name, content in payload_files(payload):
        state.update(f"\0{name}\0{len(content)}\0".encode() + content)
    return state.hexdigest()[:16]


def packages_digest(recipe: Recipe, sources: str) -> str:
    """The digest of what the packages alone decide: names the kept root file system."""
    boot = recipe.boot
    kernel = ((boot.kernel_package, boot.excluded_modules) if isinstance(boot, DirectBoot)
              else (boot.suite, boot.initramfs_modules))
    relevant = (recipe.format, recipe.arch, recipe.packages, recipe.excluded_paths, kernel, sources)
    return hashlib.sha256(msgspec.json.encode(relevant)).hexdigest()[:16]


def payload_files(payload: Path) -> Iterator[tuple[str, bytes]]:
    """Relative names and contents below `payload`, sorted."""
    for path in sorted(payload.rglob("*")):
        if path.is_file():
            yield path.relative_to(payload).as_posix(), path.read_bytes()
