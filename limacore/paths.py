"""Every name on disk, once: the Lima home, its reserved directories, an instance's files, the caches.

Source of the names: the layout of Lima 2.x (`_config`, `_disks`, `<instance>/...`)."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from limacore.base.goquote import ticked
from limacore.errors import HostError, UsageError

UNIX_PATH_MAX = 108 if sys.platform.startswith("linux") else 104
_SSH_SOCKET_SUFFIX = ".1234567890123456"
_IDENTIFIER = re.compile(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*")
_IDENTIFIER_AS_GO = "^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$"
MAX_NAME = 76
PASSING = (".pid", ".sock", ".tmp")
"""Endings of what belongs to running processes, in an instance directory."""
DISK_IMAGE, DISK_LOCK = "datadisk", "in_use_by"
"""In the directory of an additional disk: the image, and the link to the instance that holds it."""


def lima_home() -> Path:
    """`$LIMA_HOME` or `~/.lima`, symlinks resolved when it exists."""
    text = os.environ.get("LIMA_HOME", "")
    home = Path(text) if text else Path.home() / ".lima"
    return home.resolve() if os.path.exists(home) else home  # noqa: PTH110 (this one never fails)


def cache_dir() -> Path:
    """The download and build cache, outside the home: `~/.cache/lima` on Linux. Raises HostError."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "lima"
    base = os.environ.get("XDG_CACHE_HOME", "")
    if base and not Path(base).is_absolute():
        raise HostError("path in $XDG_CACHE_HOME is relative", hint="set it to an absolute path, or unset it")
    return (Path(base) if base else Path.home() / ".cache") / "lima"


def data_cache_dir() -> Path:
    """What limatui may forget: the list index, probed accelerators. `~/.cache/limatui` on Linux."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if base and sys.platform.startswith("linux"):
        return Path(base) / "limatui"
    import platformdirs

    return Path(platformdirs.user_cache_dir("limatui", appauthor=False, opinion=False))


def state_dir() -> Path:
    """What limatui must not forget: texts that are not saved yet. `~/.local/state/limatui` on Linux."""
    base = os.environ.get("XDG_STATE_HOME", "")
    if base and sys.platform.startswith("linux"):
        return Path(base) / "limatui"
    import platformdirs

    return Path(platformdirs.user_state_dir("limatui", appauthor=False))


def expanded(text: str, home: Path | None = None) -> Path:
    """A path as a user wrote it, a leading `~` as his home; raises UsageError for the home of somebody else."""
    if not text.startswith("~"):
        return Path(text)
    if text[1:2] not in ("", "/"):
        raise UsageError(f"unexpandable path {ticked(text)}", hint="write the directory without `~USER`")
    return (home or Path.home()) / text[2:].lstrip("/")


def check_identifier(name: str) -> str:
    """Return `name` when it may name an instance, disk or network; raises UsageError."""
    if not name:
        raise UsageError("identifier must not be empty", hint="give it a name such as `default`")
    if len(name) > MAX_NAME:
        raise UsageError(f"identifier {ticked(name)} greater than maximum length ({MAX_NAME} characters)",
                         hint="choose a shorter name")
    if not _IDENTIFIER.fullmatch(name):
        raise UsageError(f"identifier {ticked(name)} must match {_IDENTIFIER_AS_GO}",
                         hint="use letters and digits, with single `.`, `_` or `-` between them")
    return name


def check_instance_name(name: str) -> str:
    """Return `name` when it may name an instance; raises UsageError."""
    try:
        check_identifier(name)
    except UsageError as error:
        raise UsageError(f"instance name {ticked(name)} is not a valid identifier: {error.message}",
                         hint=error.hint) from None
    if name.lower().endswith((".yml", ".yaml")):
        raise UsageError(f"instance name {ticked(name)} must not end with .yml or .yaml suffix",
                         hint="to use it as a file, write it with its directory: ./NAME.yaml")
    return name


LAUNCHD_LOGIN, LAUNCHD_BOOT = "io.lima-vm.autostart.", "io.lima-vm.daemon."
"""What launchd calls an instance, before its name: started at login, and at boot."""
LAUNCHD_BOOT_DIR = Path("/Library/LaunchDaemons")
_UNIT, _UNIT_ENDING = "lima-vm@", ".service"


def systemd_unit_dir() -> Path:
    """Where the units of the user's systemd are: `~/.config/systemd/user`."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if base else Path.home() / ".config") / "systemd" / "user"


def systemd_unit_name(name: str) -> str:
    """What systemd calls the instance `name`."""
    return f"{_UNIT}{name}{_UNIT_ENDING}"


def systemd_units() -> dict[str, Path]:
    """The unit files of instances by the name of the instance, whether that exists or not."""
    found = systemd_unit_dir().glob(f"{_UNIT}*{_UNIT_ENDING}")
    return {path.name.removeprefix(_UNIT).removesuffix(_UNIT_ENDING): path for path in sorted(found)}


def launchd_login_dir() -> Path:
    """Where launchd looks for what the user wants started at login."""
    return Path.home() / "Library" / "LaunchAgents"


def hostname(name: str) -> str:
    """The guest's host name and the ssh alias: `lima-NAME`, `.` and `_` as `-`."""
    return "lima-" + name.replace(".", "-").replace("_", "-")


class _Named:
    """A file by its name in the directory of its owner. Its path is made when it is first asked for: a look at twenty
    instances asks for a few of their forty files, once a second, and making all of them was half of its cost."""

    def __init__(self, name: str) -> None:
        self._file = name

    def __set_name__(self, owner: type, name: str) -> None:
        self._attribute = name

    def __get__(self, owner: InstancePaths, kind: type) -> Path:
        path: Path = owner.dir / self._file
        owner.__dict__[self._attribute] = path
        return path


class InstancePaths:
    """The files of one instance directory."""

    lima_yaml = _Named("lima.yaml")
    queued_yaml = _Named(".lima.yaml.queued")
    lima_version = _Named("lima-version")
    protected = _Named("protected")
    cloud_config = _Named("cloud-config.yaml")
    cidata = _Named("cidata.iso")
    image = _Named("image")
    disk = _Named("disk")
    iso = _Named("iso")
    basedisk = _Named("basedisk")
    diffdisk = _Named("diffdisk")
    kernel = _Named("kernel")
    kernel_cmdline = _Named("kernel.cmdline")
    initrd = _Named("initrd")
    efi_code = _Named("qemu-efi-code.fd")
    ha_pid = _Named("ha.pid")
    ha_sock = _Named("ha.sock")
    ha_stdout = _Named("ha.stdout.log")
    ha_stderr = _Named("ha.stderr.log")
    ssh_config = _Named("ssh.config")
    ssh_sock = _Named("ssh.sock")
    ga_sock = _Named("ga.sock")
    ga_ssh_sock = _Named("ga-ssh.sock")
    ga_udp_sock = _Named("ga-udp.sock")
    qmp_sock = _Named("qmp.sock")
    events_sock = _Named("qmp-events.sock")
    serial_sock = _Named("serial.sock")
    serial_log = _Named("serial.log")
    ansible_inventory = _Named("ansible-inventory.yaml")
    vz_identifier = _Named("vz-identifier")
    vz_efi = _Named("vz-efi")
    cidata_folder = _Named("cidata")
    halted = _Named("halted.tmp")
    suspended = _Named("suspended.json")
    swtpm = _Named("swtpm")
    swtpm_sock = _Named("swtpm.sock")

    def __init__(self, directory: Path) -> None:
        self.dir = directory
        self.name = directory.name

    def driver_pid(self, vm_type: str = "qemu") -> Path:
        """`qemu.pid`, `vz.pid`, …"""
        return self.dir / f"{vm_type}.pid"

    def console_log(self, vm_type: str = "qemu") -> Path:
        """What the guest prints on its console."""
        return self.serial("serialv", "log") if vm_type == "vz" else self.serial_log

    def serial(self, kind: str, ending: str) -> Path:
        """`serial`, `serialp` or `serialv` with ending `sock` or `log`."""
        return self.dir / f"{kind}.{ending}"

    def virtiofsd_sock(self, index: int) -> Path:
        """Where virtiofsd serves the mount with this index."""
        return self.dir / f"virtiofsd-{index}.sock"

    def earlier(self, log: Path, boots_ago: int) -> Path:
        """The rotated copy of a serial log: `serial.1.log` is the boot before this one."""
        return log.with_name(f"{log.stem}.{boots_ago}{log.suffix}")


STAGE = ".create-"
"""How the hidden directories begin in which instances are put together, or taken apart."""
PORTABLE = (
    "lima.yaml", "lima-version", "disk", "iso", "basedisk", "diffdisk", "kernel", "initrd", "kernel.cmdline",
    "qemu-efi-code.fd", "virtio-win", "win-done-installation", "disk.patched", "vz-efi", "vz-hwmodel", "vz-aux",
)
"""The files of an instance directory that mean the same on another computer."""
PORTABLE_FOLDERS = ("swtpm",)
"""Its folders of such files."""
REMADE = (
    "cidata", "cidata.iso", "cloud-config.yaml", "ssh.config", "ansible-inventory.yaml", "vncdisplay", "vncpassword",
    "vz-identifier", "protected", "sock", "mnt", "copied-from-guest", "image", "suspended.json",
)
"""What belongs to this computer, or is made anew when the instance starts."""


class NetworkPaths:
    """The files of one network of mode user-v2."""

    def __init__(self, directory: Path) -> None:
        self.dir = directory
        self.name = name = directory.name
        self.pid = directory / f"usernet_{name}.pid"
        self.endpoint_sock = directory / f"{name}_ep.sock"
        self.fd_sock = directory / f"{name}_fd.sock"
        self.qemu_sock = directory / f"{name}_qemu.sock"
        self.stdout = directory / f"usernet.{name}.stdout.log"
        self.stderr = directory / f"usernet.{name}.stderr.log"
        self.leases = directory / "leases.json"


class HomePaths:
    """The reserved directories of one Lima home."""

    def __init__(self, home: Path | None = None) -> None:
        self.home = home or lima_home()
        self.config = self.home / "_config"
        self.disks = self.home / "_disks"
        self.networks = self.home / "_networks"
        self.templates = self.home / "_templates"
        self.default_yaml = self.config / "default.yaml"
        self.override_yaml = self.config / "override.yaml"
        self.base_yaml = self.config / "base.yaml"
        self.networks_yaml = self.config / "networks.yaml"
        self.private_key = self.config / "user"
        self.public_key = self.config / "user.pub"

    def instance(self, name: str) -> InstancePaths:
        """Paths of the instance `name`; raises UsageError when it is no instance name."""
        return InstancePaths(self.home / check_instance_name(name))

    def network(self, name: str) -> NetworkPaths:
        """The files of the network `name`; raises UsageError when it is no network name."""
        return NetworkPaths(self.networks / check_identifier(name))

    def data_disk(self, name: str) -> Path:
        """The directory of an additional disk; raises UsageError when it is no disk name."""
        return self.disks / check_identifier(name)


def check_socket_length(directory: Path) -> None:
    """Raise HostError when sockets in `directory` would exceed the kernel's limit for unix paths."""
    longest = str(directory / "ssh.sock") + _SSH_SOCKET_SUFFIX
    if (size := len(os.fsencode(longest))) >= UNIX_PATH_MAX:
        raise HostError(
            f"instance name {ticked(directory.name)} too long: {ticked(longest)} must be less than "
            f"UNIX_PATH_MAX={UNIX_PATH_MAX} characters, but is {size}",
            hint="use a shorter instance name, or set LIMA_HOME to a shorter directory",
        )


def check_network_sockets(paths: NetworkPaths) -> None:
    """Raise HostError when a socket of a network would exceed the kernel's limit for unix paths."""
    longest = str(paths.qemu_sock)
    if (size := len(os.fsencode(longest))) >= UNIX_PATH_MAX:
        raise HostError(
            f"network name {ticked(paths.name)} too long: {ticked(longest)} must be less than "
            f"UNIX_PATH_MAX={UNIX_PATH_MAX} characters, but is {size}",
            hint="use a shorter network name, or set LIMA_HOME to a shorter directory",
        )
