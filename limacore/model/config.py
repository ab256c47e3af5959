"""lima.yaml with every default filled in: the one place that says which fields exist and of which type.

Attribute names are the YAML keys in snake case. `limacore.config` makes these from files; nothing else does.
Source of the fields: the schema of Lima 2.2. Sizes stay text; `memory_bytes` and `disk_bytes` parse them.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from limacore.base.units import parse_size


class _Yaml(Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class File(_Yaml, frozen=True):
    """Something to download or copy: URL or path, for which arch, with which digest."""

    location: str = ""
    arch: str = ""
    digest: str = ""


class Kernel(File, frozen=True):
    """A kernel for direct boot, with its command line."""

    cmdline: str = ""


class Image(File, frozen=True):
    """One candidate for the main disk."""

    kernel: Kernel | None = None
    initrd: File | None = None
    variant: str = ""
    arch_variant: str = ""


class FirmwareImage(File, frozen=True):
    """UEFI code to download for one driver."""

    vm_type: str = ""


class Firmware(_Yaml, frozen=True):
    """BIOS or UEFI."""

    legacy_bios: bool = field(default=False, name="legacyBIOS")
    images: tuple[FirmwareImage, ...] = ()


class AdditionalDisk(_Yaml, frozen=True):
    """A disk of `_disks` to attach."""

    name: str = ""
    format: bool = True
    fs_type: str = ""
    fs_args: tuple[str, ...] = ()


class Sshfs(_Yaml, frozen=True):
    """Options of a reverse-sshfs mount."""

    cache: bool = True
    follow_symlinks: bool = False
    sftp_driver: str = ""


class NineP(_Yaml, frozen=True):
    """Options of a 9p mount."""

    security_model: str = "none"
    protocol_version: str = "9p2000.L"
    msize: str = "128KiB"
    cache: str = ""


class Virtiofs(_Yaml, frozen=True):
    """Options of a virtiofs mount."""

    queue_size: int = 0


class Mount(_Yaml, frozen=True):
    """A host directory shown in the guest."""

    location: str = ""
    mount_point: str = ""
    writable: bool = False
    sshfs: Sshfs = Sshfs()
    ninep: NineP = field(default=NineP(), name="9p")
    virtiofs: Virtiofs = Virtiofs()


class Ssh(_Yaml, frozen=True):
    """How the guest is reached; port 0 means any free one."""

    local_port: int = 0
    load_dot_ssh_pub_keys: bool = field(default=False, name="loadDotSSHPubKeys")
    forward_agent: bool = False
    forward_x11: bool = False
    forward_x11_trusted: bool = False
    over_vsock: bool | None = None


class Audio(_Yaml, frozen=True):
    """Sound device."""

    device: str = ""
    interface: str = ""


class Vnc(_Yaml, frozen=True):
    """Where VNC listens."""

    display: str = ""


class Video(_Yaml, frozen=True):
    """Display; `none` for a headless machine."""

    display: str = "none"
    vnc: Vnc = Vnc()


class Provision(_Yaml, frozen=True):
    """A script or file given to the guest."""

    mode: str = "system"
    skip_default_dependency_resolution: bool | None = None
    script: str = ""
    file: Any = None
    playbook: str = ""
    content: str | None = None
    overwrite: bool = True
    owner: str = ""
    path: str = ""
    permissions: str = ""
    expression: str | None = None
    format: str = ""


class Containerd(_Yaml, frozen=True):
    """Which containerd to install."""

    system: bool = False
    user: bool = False
    archives: tuple[File, ...] = ()


class Probe(_Yaml, frozen=True):
    """A readiness script run in the guest."""

    mode: str = "readiness"
    description: str = ""
    script: str = ""
    file: Any = None
    hint: str = ""


class PortForward(_Yaml, frozen=True):
    """One rule of the port forward table; first match wins."""

    guest_ip_must_be_zero: bool = field(default=False, name="guestIPMustBeZero")
    guest_ip: str = field(default="127.0.0.1", name="guestIP")
    guest_port: int = 0
    guest_port_range: tuple[int, int] = (0, 0)
    guest_socket: str = ""
    host_ip: str = field(default="127.0.0.1", name="hostIP")
    host_port: int = 0
    host_port_range: tuple[int, int] = (0, 0)
    host_socket: str = ""
    proto: str = "any"
    reverse: bool = False
    ignore: bool = False
    static: bool = False


class CopyToHost(_Yaml, frozen=True):
    """A guest file copied out when the guest is ready."""

    guest: str = ""
    host: str = ""
    skip_if_missing: bool = False
    delete_on_stop: bool = False


class Network(_Yaml, frozen=True):
    """An extra network interface."""

    lima: str = ""
    socket: str = ""
    vz_nat: bool | None = field(default=None, name="vzNAT")
    mac_address: str = ""
    interface: str = ""
    metric: int = 100


class HostResolver(_Yaml, frozen=True):
    """The DNS server that the host agent offers to the guest."""

    enabled: bool = True
    ipv6: bool = False
    hosts: dict[str, str] = {}


class CaCerts(_Yaml, frozen=True):
    """Certificates to trust in the guest."""

    remove_defaults: bool = False
    files: tuple[str, ...] = ()
    certs: tuple[str, ...] = ()


class Rosetta(_Yaml, frozen=True):
    """x86 translation on Apple silicon."""

    enabled: bool = False
    binfmt: bool = False


class QemuOptions(_Yaml, frozen=True):
    """`vmOpts.qemu`."""

    minimum_version: str = ""
    cpu_type: dict[str, str] = {}


class VzOptions(_Yaml, frozen=True):
    """`vmOpts.vz`."""

    rosetta: Rosetta = Rosetta()
    disk_image_format: str = ""


class OwnOptions(_Yaml, frozen=True):
    """`vmOpts.limatui`: no driver's; limactl keeps what it finds there."""

    labels: dict[str, Any] = {}


class VmOptions(_Yaml, frozen=True):
    """Options of one driver."""

    qemu: QemuOptions = QemuOptions()
    vz: VzOptions = VzOptions()
    limatui: OwnOptions = OwnOptions()


class User(_Yaml, frozen=True):
    """The user made in the guest."""

    name: str = ""
    comment: str = ""
    home: str = ""
    shell: str = "/bin/bash"
    uid: int = 0
    passwordless_sudo: bool = True


class WindowsOptions(_Yaml, frozen=True):
    """`osOpts.Windows`."""

    virtio_win: tuple[File, ...] = ()


class OsOptions(Struct, frozen=True, kw_only=True):
    """Options of one guest system."""

    windows: WindowsOptions = field(default=WindowsOptions(), name="Windows")


class Config(_Yaml, frozen=True):
    """A whole lima.yaml, merged and filled."""

    base: Any = None
    minimum_lima_version: str = ""
    vm_type: str = "qemu"
    vm_opts: VmOptions = VmOptions()
    os: str = "Linux"
    arch: str = "x86_64"
    images: tuple[Image, ...] = ()
    cpu_type: dict[str, str] = {}
    cpus: int = 1
    memory: str = "4GiB"
    disk: str = "100GiB"
    additional_disks: tuple[AdditionalDisk, ...] = ()
    mounts: tuple[Mount, ...] = ()
    mount_types_unsupported: tuple[str, ...] = ()
    mount_type: str = ""
    mount_inotify: bool = False
    ssh: Ssh = Ssh()
    firmware: Firmware = Firmware()
    audio: Audio = Audio()
    video: Video = Video()
    provision: tuple[Provision, ...] = ()
    upgrade_packages: bool = False
    containerd: Containerd = Containerd()
    guest_install_prefix: str = "/usr/local"
    probes: tuple[Probe, ...] = ()
    port_forwards: tuple[PortForward, ...] = ()
    copy_to_host: tuple[CopyToHost, ...] = ()
    message: str = ""
    networks: tuple[Network, ...] = ()
    env: dict[str, str] = {}
    param: dict[str, str] = {}
    dns: tuple[str, ...] = ()
    host_resolver: HostResolver = HostResolver()
    propagate_proxy_env: bool = True
    ca_certs: CaCerts = CaCerts()
    rosetta: Rosetta = Rosetta()
    plain: bool = False
    timezone: str = ""
    nested_virtualization: bool = False
    user: User = User()
    tpm: bool = False
    os_opts: OsOptions = OsOptions()

    @property
    def memory_bytes(self) -> int:
        """Guest memory in bytes; raises UsageError when `memory` is no size."""
        return parse_size(self.memory)

    @property
    def disk_bytes(self) -> int:
        """Virtual size of the main disk in bytes; raises UsageError when `disk` is no size."""
        return parse_size(self.disk)


class Problem(Struct, frozen=True):
    """One thing wrong with a YAML file: where (1-based line, 0 unknown), which field, what, what to do."""

    path: str
    message: str
    hint: str = ""
    line: int = 0
    column: int = 0
    severity: str = "error"
    words: str = ""
    """What limactl says, where that differs from `message`."""
    cause: str = ""
    """The `error` field of limactl's log line, for warnings that have one."""
    at_start: bool = False
    """A warning that limactl gives only when it makes or starts an instance."""
    loud: bool = False
    """A warning that limactl logs as an error."""

    @property
    def told(self) -> str:
        """The text as limactl words it."""
        return self.words or self.message
