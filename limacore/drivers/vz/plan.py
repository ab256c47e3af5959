"""A machine for Apple's Virtualization framework, described as values; nothing of the framework is touched.

Not run on macOS: tested on what is described here and on the calls that it leads to.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from limacore.drivers.base import MachineSpec
from limacore.model.config import Config, Network
from limacore.model.mount import tag
from limacore.model.network import mac_address, vmnet_socket
from limacore.paths import DISK_IMAGE

AGENT_PORT, SSH_PORT = 2222, 22
"""Vsock ports of the guest."""
ROSETTA_TAG = "vz-rosetta"
ROSETTA_CACHE = "/run/rosettad/rosetta.sock"
"""Where programs translated ahead are asked for, in the guest; macOS 14 and newer."""
DISPLAY = (1920, 1200)
_MIB = 1 << 20
_SHOWN = ("vz", "default")


class Efi(Struct, frozen=True):
    """Boot by UEFI; the variable store is made when it is missing."""

    variables: Path


class Kernel(Struct, frozen=True):
    """Boot a Linux kernel directly."""

    kernel: Path
    initrd: Path | None = None
    cmdline: str = ""


class Disk(Struct, frozen=True):
    """A file behind a virtio disk, or behind a USB stick."""

    path: Path
    read_only: bool = False
    usb: bool = False


class Nat(Struct, frozen=True):
    """The network of macOS itself, which gives the guest an address and lets this computer reach it."""


class FrameSocket(Struct, frozen=True):
    """A user-mode network: its socket takes one end of a pair of datagram sockets, a frame a datagram."""

    path: Path


class StreamSocket(Struct, frozen=True):
    """A daemon that takes frames over a stream, each after its length in four bytes, the first the highest."""

    path: Path


class Card(Struct, frozen=True):
    """A network card."""

    mac: str
    to: Nat | FrameSocket | StreamSocket


class Share(Struct, frozen=True):
    """A directory of this computer as a virtiofs tag."""

    tag: str
    path: Path
    read_only: bool = True


class Description(Struct, frozen=True, kw_only=True):
    """One machine; memory in bytes. A console, entropy, a balloon and a vsock are always there."""

    boot: Efi | Kernel
    identifier: Path
    cpus: int
    memory: int
    disks: tuple[Disk, ...]
    cards: tuple[Card, ...]
    shares: tuple[Share, ...] = ()
    rosetta: bool = False
    rosetta_cache: str = ""
    nested: bool = False
    sound: bool = False
    display: tuple[int, int] | None = None


def describe(spec: MachineSpec, macos: tuple[int, ...]) -> Description:
    """The machine of one instance; looks only at which of its files are there."""
    config = spec.config
    rosetta = config.vm_opts.vz.rosetta.enabled and not config.plain
    return Description(
        boot=_boot(spec), identifier=spec.paths.vz_identifier,
        cpus=config.cpus, memory=-(-config.memory_bytes // _MIB) * _MIB,
        disks=_disks(spec), cards=_cards(spec), shares=_shares(config),
        rosetta=rosetta, rosetta_cache=ROSETTA_CACHE if rosetta and macos >= (14,) else "",
        nested=config.nested_virtualization, sound=config.audio.device in _SHOWN,
        display=DISPLAY if config.video.display in _SHOWN else None,
    )


def over_vsock(config: Config) -> bool:
    """Whether ssh tries the guest's vsock before its network."""
    return config.os == "Linux" if config.ssh.over_vsock is None else config.ssh.over_vsock


def _boot(spec: MachineSpec) -> Efi | Kernel:
    paths = spec.paths
    if not paths.kernel.exists():
        return Efi(paths.vz_efi)
    cmdline = paths.kernel_cmdline.read_text() if paths.kernel_cmdline.exists() else ""
    return Kernel(paths.kernel, paths.initrd if paths.initrd.exists() else None, cmdline)


def _disks(spec: MachineSpec) -> tuple[Disk, ...]:
    """The seed comes last, so that additional disks are vdb, vdc, … whatever there is of it."""
    paths = spec.paths
    installer = (Disk(paths.iso, read_only=True, usb=True),) if paths.iso.exists() else ()
    more = (Disk(spec.home.data_disk(disk.name) / DISK_IMAGE) for disk in spec.config.additional_disks)
    return (*installer, Disk(paths.disk), *more, Disk(paths.cidata, read_only=True))


def _cards(spec: MachineSpec) -> tuple[Card, ...]:
    """eth0 first: on the first network of mode user-v2 where there is one, else on that of macOS.

    limactl has a user-mode network in its own process in place of the latter; ours has none."""
    all_of_them = spec.config.networks
    inner = next((each for each in all_of_them if spec.networks.user_v2(each.lima)), None)
    first = Card(mac_address(str(spec.paths.dir)), _peer(spec, inner) if inner else Nat())
    return (first, *(Card(each.mac_address, _peer(spec, each)) for each in all_of_them if each is not inner))


def _peer(spec: MachineSpec, network: Network) -> Nat | FrameSocket | StreamSocket:
    if spec.networks.user_v2(network.lima):
        return FrameSocket(spec.home.network(network.lima).fd_sock)
    if network.lima:
        return StreamSocket(vmnet_socket(spec.networks.paths, network.lima))
    return StreamSocket(Path(network.socket)) if network.socket else Nat()


def _shares(config: Config) -> tuple[Share, ...]:
    if config.mount_type != "virtiofs" or config.plain:
        return ()
    return tuple(Share(tag(mount), Path(mount.location), not mount.writable) for mount in config.mounts)
