"""The QEMU command line as a pure function: a machine and a host in, arguments out.

The order of options is that of Lima 2.2, because guests name devices by it. What only we add is in `ours`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, structs

from limacore.drivers.base import MachineSpec
from limacore.errors import DriverError
from limacore.model.config import Config, Mount, Network
from limacore.model.mount import tag
from limacore.model.network import SLIRP_GUEST, SLIRP_NETWORK, Networks, mac_address

Option = tuple[str, ...]

GUEST_AGENT_PORT = "io.lima-vm.guest_agent.0"
BALLOON = "balloon0"
VNC_DISPLAY = "127.0.0.1:0,to=9"
"""Where VNC listens unless `video.vnc.display` says: the first free display of ten."""
_KNOWS_REPORTING, _KNOWS_ACTIONS = (5, 1, 0), (6, 0, 0)
"""The first QEMU whose balloon tells of free pages, and the first with `-action`."""

_SINGLE = frozenset(("-m", "-object", "-numa", "-cpu", "-machine", "-accel", "-smp", "-boot", "-kernel", "-append",
                     "-initrd", "-display"))
_MACHINES = {"x86_64": "q35", "aarch64": "virt", "armv7l": "virt", "riscv64": "virt,acpi=off", "ppc64le": "pseries",
             "s390x": "s390-ccw-virtio"}
_TPMS = {"x86_64": "tpm-crb", "aarch64": "tpm-tis-device", "armv7l": "tpm-tis-device", "riscv64": "tpm-tis-device"}


class QemuHost(Struct, frozen=True):
    """What the command line needs to know besides the machine: the program, this computer, the files there are."""

    program: tuple[str, ...]
    """The binary, and the extra words of `$QEMU_SYSTEM_…`."""
    accel: str
    cpu: str
    version: tuple[int, int, int] = (0, 0, 0)
    firmware: str = ""
    """UEFI code, empty for none."""
    files: frozenset[str] = frozenset()
    """Which of `disk`, `iso`, `kernel`, `initrd` exist in the instance directory."""
    append: str | None = None
    """The content of `kernel.cmdline`, if that file exists."""
    network_fds: Mapping[int, int] = {}
    """Index in `networks` -> inherited socket."""
    events_fd: int = -1
    """An inherited listening socket for our own monitor; without one QEMU makes `qmp-events.sock` itself."""


def with_sockets(host: QemuHost, network_fds: Mapping[int, int], events_fd: int) -> QemuHost:
    """The same host with sockets that QEMU inherits."""
    return structs.replace(host, network_fds=dict(network_fds), events_fd=events_fd)


def machine_name(arch: str) -> str:
    """The QEMU machine for an architecture, without its options: `q35`."""
    return _MACHINES.get(arch, arch).partition(",")[0]


def argv(spec: MachineSpec, host: QemuHost) -> list[str]:
    """The command line that Lima 2.2 would use for this machine; raises DriverError for what cannot be run."""
    return _flat(host, lima_options(spec, host))


def full_argv(spec: MachineSpec, host: QemuHost) -> list[str]:
    """The command line that we use: Lima's, then what is only ours."""
    return _flat(host, [*lima_options(spec, host), *ours(spec, host)])


def overridden(spec: MachineSpec, host: QemuHost) -> tuple[str, ...]:
    """Options left out because the words of `$QEMU_SYSTEM_…` already set them."""
    return tuple(option for option, *_ in lima_options(spec, host) if _given(host, option))


def lima_options(spec: MachineSpec, host: QemuHost) -> list[Option]:
    """All options in Lima's order, as pairs."""
    config = spec.config
    return [
        ("-m", str(config.memory_bytes >> 20)),
        *_shared_memory(config),
        ("-cpu", host.cpu),
        *_machine(config.arch, host.accel),
        ("-smp", f"{config.cpus},sockets=1,cores={config.cpus},threads=1"),
        *_firmware(host.firmware),
        ("-device", "qemu-xhci,id=usb-bus"),
        *_disks(spec, host),
        *_cidata(spec),
        *_kernel(spec, host),
        *_tpm(spec),
        *_networks(spec, host),
        ("-device", "virtio-rng-pci"),
        *_audio(config, host.version),
        *_display(config),
        ("-parallel", "none"),
        *_serials(spec),
        *_mounts(spec),
        *_socket("char-qmp", spec.paths.qmp_sock),
        ("-qmp", "chardev:char-qmp"),
        ("-name", f"lima-{spec.name}"),
        ("-pidfile", str(spec.paths.driver_pid())),
    ]


def ours(spec: MachineSpec, host: QemuHost) -> list[Option]:
    """What Lima 2.2 does not pass, and why we do.

    A private monitor: `qmp.sock` serves one client at a time and belongs to whoever asks; events need one that stays.
    The guest agent on a virtio port: it tells readiness without a login and lives through network changes. It needs a
    controller of its own, since `virtio-serial0` has room for the console only. A balloon, so that memory can be had
    back. A device that tells when the guest's kernel panics; the guest decides what happens then. Where there is no
    display the BIOS speaks on the serial port, so that a boot that ends there says why. A machine whose memory is
    loaded stands still until we let it go.
    """
    return [*_events(spec, host), *_guest_agent(spec), *_balloon(spec, host), *_panic(spec, host),
            *_bios(spec, host), *_resumed(spec)]


def likeness(argv: Sequence[str], version: tuple[int, int, int]) -> tuple[str, ...]:
    """What must be the same for a saved state to be loaded: without what is new each time."""
    return (".".join(map(str, version)), *(_NEW_EACH_TIME.sub(r"\1=", word) for word in argv))


_NEW_EACH_TIME = re.compile(r"\b(fd|hostfwd)=[^,]*")


def _events(spec: MachineSpec, host: QemuHost) -> list[Option]:
    where = f"fd={host.events_fd}" if host.events_fd >= 0 else f"path={_escaped(spec.paths.events_sock)}"
    return [
        ("-chardev", f"socket,id=char-events,{where},server=on,wait=off"),
        ("-mon", "chardev=char-events,mode=control"),
    ]


def _guest_agent(spec: MachineSpec) -> list[Option]:
    if spec.config.plain or spec.config.os != "Linux":
        return []
    return [
        ("-chardev", f"socket,id=qga0,path={_escaped(spec.paths.ga_sock)},server=on,wait=off"),
        ("-device", "virtio-serial-pci,id=virtio-serial1,max_ports=2"),
        ("-device", f"virtserialport,bus=virtio-serial1.0,chardev=qga0,name={GUEST_AGENT_PORT}"),
    ]


def _balloon(spec: MachineSpec, host: QemuHost) -> list[Option]:
    """A guest that needs its memory gets it back, and what it frees goes back to the host by itself."""
    reporting = ",free-page-reporting=on" if host.version >= _KNOWS_REPORTING else ""
    bus = "ccw" if spec.config.arch == "s390x" else "pci"
    return [("-device", f"virtio-balloon-{bus},id={BALLOON},deflate-on-oom=on{reporting}")]


def _panic(spec: MachineSpec, host: QemuHost) -> list[Option]:
    if host.version < _KNOWS_ACTIONS:
        return []
    device = [("-device", "pvpanic")] if spec.config.arch == "x86_64" else []
    return [*device, ("-action", "panic=none")]


def _bios(spec: MachineSpec, host: QemuHost) -> list[Option]:
    mute = spec.config.arch == "x86_64" and not host.firmware and spec.config.video.display == "none"
    return [("-machine", "graphics=off")] if mute else []


def _resumed(spec: MachineSpec) -> list[Option]:
    return [("-S",), ("-loadvm", spec.resume.tag)] if spec.resume else []


def _flat(host: QemuHost, options: Iterable[Option]) -> list[str]:
    kept = (pair for pair in options if not _given(host, pair[0]))
    return [*host.program, *(word for pair in kept for word in pair)]


def _given(host: QemuHost, option: str) -> bool:
    return option in _SINGLE and option in host.program[1:]


def _escaped(value: object) -> str:
    """A value inside an option string: QEMU reads `,,` as one comma."""
    return str(value).replace(",", ",,")


def _socket(name: str, path: Path, log: Path | None = None) -> list[Option]:
    logged = f",logfile={_escaped(log)}" if log else ""
    return [("-chardev", f"socket,id={name},path={_escaped(path)},server=on,wait=off{logged}")]


def _shared_memory(config: Config) -> list[Option]:
    if config.mount_type != "virtiofs":
        return []
    size = config.memory_bytes
    return [
        ("-object", f"memory-backend-file,id=virtiofs-shm,size={size},mem-path=/dev/shm,share=on"),
        ("-numa", "node,memdev=virtiofs-shm"),
    ]


def _machine(arch: str, accel: str) -> list[Option]:
    if arch not in _MACHINES:
        raise DriverError(f"QEMU has no machine for the architecture `{arch}` here",
                          hint="use one of " + ", ".join(_MACHINES))
    if (arch, accel) != ("x86_64", "tcg"):
        return [("-machine", f"{_MACHINES[arch]},accel={accel}")]
    return [
        ("-machine", "q35,vmport=off"),
        ("-accel", "tcg,thread=multi,tb-size=512"),
        ("-global", "ICH9-LPC.disable_s3=1"),
        ("-global", "ICH9-LPC.disable_s4=1"),
    ]


def _firmware(code: str) -> list[Option]:
    return [("-drive", f"if=pflash,format=raw,readonly=on,file={_escaped(code)}")] if code else []


def _disks(spec: MachineSpec, host: QemuHost) -> list[Option]:
    options = _main_disk(spec, host)
    for disk in spec.config.additional_disks:
        path = spec.home.data_disk(disk.name) / "datadisk"
        options.append(("-drive", f"file={_escaped(path)},if=virtio,discard=on"))
    return options


def _main_disk(spec: MachineSpec, host: QemuHost) -> list[Option]:
    disk = f"file={_escaped(spec.paths.disk)}"
    if "iso" in host.files:
        installed = [("-drive", f"{disk},if=virtio,discard=on")] if "disk" in host.files else []
        return [
            *installed,
            ("-boot", "order=d,splash-time=0,menu=on"),
            ("-drive", f"file={_escaped(spec.paths.iso)},format=raw,media=cdrom,readonly=on"),
        ]
    bus = "ccw" if spec.config.arch == "s390x" else "pci"
    boot = [
        ("-drive", f"{disk},if=none,discard=on,id=boot-disk"),
        ("-device", f"virtio-blk-{bus},drive=boot-disk,bootindex=1"),
    ]
    return [*(boot if "disk" in host.files else []), ("-boot", "order=c,splash-time=0,menu=on")]


def _cidata(spec: MachineSpec) -> list[Option]:
    return [
        ("-drive", f"id=cdrom0,if=none,format=raw,readonly=on,file={_escaped(spec.paths.cidata)}"),
        ("-device", "virtio-scsi,id=scsi0"),
        ("-device", "scsi-cd,bus=scsi0.0,drive=cdrom0"),
    ]


def _kernel(spec: MachineSpec, host: QemuHost) -> list[Option]:
    options: list[Option] = []
    if "kernel" in host.files:
        options.append(("-kernel", str(spec.paths.kernel)))
    if host.append is not None:
        options.append(("-append", host.append))
    if "initrd" in host.files:
        options.append(("-initrd", str(spec.paths.initrd)))
    return options


def _tpm(spec: MachineSpec) -> list[Option]:
    if not spec.config.tpm:
        return []
    device = _TPMS.get(spec.config.arch)
    if not device:
        raise DriverError(f"`tpm: true` is not possible for the architecture `{spec.config.arch}`",
                          hint="remove `tpm` from lima.yaml")
    return [
        ("-chardev", f"socket,id=chrtpm,path={_escaped(spec.paths.swtpm_sock)}"),
        ("-tpmdev", "emulator,id=tpm0,chardev=chrtpm"),
        ("-device", f"{device},tpmdev=tpm0"),
    ]


def first_user_v2(networks: Iterable[Network], known: Networks) -> int | None:
    """Index of the network that stands in for the built-in one on eth0."""
    return next((index for index, network in enumerate(networks) if known.user_v2(network.lima)), None)


def _networks(spec: MachineSpec, host: QemuHost) -> list[Option]:
    networks = spec.config.networks
    first = first_user_v2(networks, spec.networks)
    builtin = (f"user,id=net0,net={SLIRP_NETWORK},dhcpstart={SLIRP_GUEST},"
               f"hostfwd=tcp:127.0.0.1:{spec.ssh_port}-:22")
    bus = "ccw" if spec.config.arch == "s390x" else "pci"
    return [
        ("-netdev", builtin if first is None else f"socket,id=net0,fd={_fd(host, first, networks[first])}"),
        ("-device", f"virtio-net-{bus},netdev=net0,mac={mac_address(str(spec.paths.dir))}"),
        *(option for index in range(len(networks)) if index != first for option in _network(spec, host, index)),
    ]


def _network(spec: MachineSpec, host: QemuHost, index: int) -> list[Option]:
    network = spec.config.networks[index]
    mac = network.mac_address or mac_address(f"{spec.paths.lima_yaml}#{index}")
    return [
        ("-netdev", f"socket,id=net{index + 1},fd={_fd(host, index, network)}"),
        ("-device", f"virtio-net-pci,netdev=net{index + 1},mac={mac}"),
    ]


def _fd(host: QemuHost, index: int, network: Network) -> int:
    if index in host.network_fds:
        return host.network_fds[index]
    raise DriverError(f"networks[{index}] cannot be connected by QEMU", detail=f"it has {_kind(network)}",
                      hint="use `lima: user-v2` or `socket: PATH`")


def _kind(network: Network) -> str:
    return "`vzNAT: true`" if network.vz_nat else "neither `lima` nor `socket`"


def _audio(config: Config, version: tuple[int, int, int]) -> list[Option]:
    device = config.audio.device
    if device in ("", "none"):
        return [("-audiodev", "none,id=snd0")]
    backend = ("-audiodev", f"{'pa' if device == 'default' else device},id=snd0")
    if config.audio.interface == "virtio" and version >= (8, 2, 0):
        return [backend, ("-device", "virtio-sound-pci,audiodev=snd0")]
    return [backend, ("-device", "ich9-intel-hda"), ("-device", "hda-output,audiodev=snd0")]


def _display(config: Config) -> list[Option]:
    display = config.video.display
    remote = display == "vnc"
    shown = f"vnc={config.video.vnc.display or VNC_DISPLAY},password=on" if remote else display
    options = [("-display", shown)] if shown else []
    if display == "none":
        return [*options, ("-vga", "none")]
    card = "virtio-vga" if config.arch in ("x86_64", "riscv64") else "virtio-gpu"
    return [
        *options,
        ("-device", card),
        ("-device", "virtio-keyboard-pci"),
        ("-device", "virtio-tablet-pci" if remote else "virtio-mouse-pci"),
    ]


def serial_kinds(arch: str) -> tuple[str, ...]:
    """The serial consoles of a machine, by the stem of their file names."""
    return ("serial", "serialp", "serialv") if arch in ("aarch64", "armv7l") else ("serial", "serialv")


def _serials(spec: MachineSpec) -> list[Option]:
    paths = spec.paths
    options = [*_socket("char-serial", paths.serial_sock, paths.serial_log), ("-serial", "chardev:char-serial")]
    if "serialp" in serial_kinds(spec.config.arch):
        options += [
            *_socket("char-serial-pci", paths.serial("serialp", "sock"), paths.serial("serialp", "log")),
            ("-device", "pci-serial,chardev=char-serial-pci"),
        ]
    ports = 2 if spec.config.arch == "s390x" else 1
    return [
        *options,
        *_socket("char-serial-virtio", paths.serial("serialv", "sock"), paths.serial("serialv", "log")),
        ("-device", f"virtio-serial-pci,id=virtio-serial0,max_ports={ports}"),
        ("-device", "virtconsole,chardev=char-serial-virtio,id=console0"),
    ]


def _mounts(spec: MachineSpec) -> list[Option]:
    config = spec.config
    mounts = () if config.plain else config.mounts
    if config.mount_type == "9p":
        return [_ninep(mount) for mount in mounts]
    if config.mount_type == "virtiofs":
        return [option for index, mount in enumerate(mounts) for option in _virtiofs(spec, index, mount)]
    return []


def _ninep(mount: Mount) -> Option:
    readonly = "" if mount.writable else ",readonly=on"
    model = mount.ninep.security_model
    path = _escaped(mount.location)
    return "-virtfs", f"local,mount_tag={tag(mount)},path={path},security_model={model}{readonly}"


def _virtiofs(spec: MachineSpec, index: int, mount: Mount) -> list[Option]:
    socket = spec.paths.virtiofsd_sock(index)
    queue = mount.virtiofs.queue_size or 1024
    return [
        ("-chardev", f"socket,id=char-virtiofs-{index},path={_escaped(socket)}"),
        ("-device", f"vhost-user-fs-pci,queue-size={queue},chardev=char-virtiofs-{index},tag={tag(mount)}"),
    ]
