"""What the tiny guest consists of: packages, modules, command line, and the digest that names a build."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import msgspec
from msgspec import Struct

_MEBIBYTE = 1 << 20


class Recipe(Struct, frozen=True):
    """Everything that decides what a built image is; its JSON form is kept beside the image."""

    name: str
    format: int
    """Counts changes of the build code itself, so that an old image is not taken for a new one."""
    arch: str
    kernel_package: str
    packages: tuple[str, ...]
    excluded_paths: tuple[str, ...]
    excluded_modules: tuple[str, ...]
    root_modules: tuple[str, ...]
    more_modules: tuple[str, ...]
    applets: tuple[str, ...]
    """busybox programs linked where no package brings the real one."""
    cmdline: str
    image_size: int
    """Bytes of the root file system as built; a boot grows it to its disk."""


TINY = Recipe(
    name="tiny",
    format=1,
    arch="amd64",
    kernel_package="linux-image-cloud-amd64",
    packages=(
        "busybox-static", "kmod", "python3", "openssh-server", "openssh-sftp-server", "sshfs", "sudo",
        "iproute2", "procps", "e2fsprogs", "ca-certificates", "rsync",
    ),
    excluded_paths=(
        "/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*",
        "/usr/share/i18n/*", "/usr/share/lintian/*", "/usr/share/bash-completion/*",
    ),
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
    cmdline=(
        "root=/dev/vda rw console=ttyS0 net.ifnames=0 scsi_mod.scan=sync nokaslr no_timer_check"
        " mitigations=off audit=0 selinux=0 apparmor=0 random.trust_cpu=on rcupdate.rcu_expedited=1"
    ),
    image_size=1024 * _MEBIBYTE,
)

RECIPES = {TINY.name: TINY}


def payload_dir() -> Path:
    """The directory of our own files in the guest; data, never imported."""
    return Path(str(files("limacore"))) / "guest" / "payload" / "tiny"


def digest(recipe: Recipe, payload: Path, sources: str) -> str:
    """16 hex digits over the recipe, our files in the guest, and the distribution's sources."""
    state = hashlib.sha256(msgspec.json.encode(recipe))
    state.update(sources.encode())
    for name, content in payload_files(payload):
        state.update(f"\0{name}\0{len(content)}\0".encode() + content)
    return state.hexdigest()[:16]


def packages_digest(recipe: Recipe, sources: str) -> str:
    """The digest of what the packages alone decide: names the kept root file system."""
    relevant = (recipe.format, recipe.arch, recipe.kernel_package, recipe.packages,
                recipe.excluded_paths, recipe.excluded_modules, sources)
    return hashlib.sha256(msgspec.json.encode(relevant)).hexdigest()[:16]


def payload_files(payload: Path) -> Iterator[tuple[str, bytes]]:
    """Relative names and contents below `payload`, sorted."""
    for path in sorted(payload.rglob("*")):
        if path.is_file():
            yield path.relative_to(payload).as_posix(), path.read_bytes()
