"""Every name on disk, once: the Lima home, its reserved directories, an instance's files, the caches.

Source of the names: the layout of Lima 2.x (`_config`, `_disks`, `<instance>/...`)."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from limacore.errors import HostError, UsageError

UNIX_PATH_MAX = 108 if sys.platform.startswith("linux") else 104
_SSH_SOCKET_SUFFIX = ".1234567890123456"
_IDENTIFIER = re.compile(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*")
MAX_NAME = 76


def lima_home() -> Path:
    """`$LIMA_HOME` or `~/.lima`, symlinks resolved when it exists."""
    text = os.environ.get("LIMA_HOME", "")
    home = Path(text) if text else Path.home() / ".lima"
    return home.resolve() if home.exists() else home


def cache_dir() -> Path:
    """The download and build cache, outside the home: `~/.cache/lima` on Linux."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("lima", appauthor=False, opinion=False))


def data_cache_dir() -> Path:
    """What limatui may forget: the list index, probed accelerators. `~/.cache/limatui` on Linux."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if base and sys.platform.startswith("linux"):
        return Path(base) / "limatui"
    import platformdirs

    return Path(platformdirs.user_cache_dir("limatui", appauthor=False, opinion=False))


def check_identifier(name: str, what: str = "instance") -> str:
    """Return `name` when it may name an instance, disk or network; raises UsageError."""
    if not name:
        raise UsageError(f"the {what} name must not be empty", hint="give it a name such as `default`")
    if len(name.encode()) > MAX_NAME:
        raise UsageError(
            f"the {what} name `{name[:20]}…` has {len(name.encode())} bytes, {MAX_NAME} are allowed",
            hint="choose a shorter name",
        )
    if not _IDENTIFIER.fullmatch(name):
        raise UsageError(
            f"`{name}` is not a valid identifier for the {what} name",
            hint="use letters and digits, with single `.`, `_` or `-` between them",
        )
    return name


def check_instance_name(name: str) -> str:
    """Return `name` when it may name an instance; raises UsageError."""
    check_identifier(name)
    if name.lower().endswith((".yml", ".yaml")):
        raise UsageError(
            f"the instance name `{name}` must not end with .yml or .yaml suffix",
            hint="to use it as a file, write it with its directory: ./NAME.yaml",
        )
    return name


def hostname(name: str) -> str:
    """The guest's host name and the ssh alias: `lima-NAME`, `.` and `_` as `-`."""
    return "lima-" + name.replace(".", "-").replace("_", "-")


class InstancePaths:
    """The files of one instance directory."""

    def __init__(self, directory: Path) -> None:
        self.dir = directory
        self.name = directory.name
        self.lima_yaml = directory / "lima.yaml"
        self.lima_version = directory / "lima-version"
        self.protected = directory / "protected"
        self.cloud_config = directory / "cloud-config.yaml"
        self.cidata = directory / "cidata.iso"
        self.image = directory / "image"
        self.disk = directory / "disk"
        self.iso = directory / "iso"
        self.basedisk = directory / "basedisk"
        self.diffdisk = directory / "diffdisk"
        self.kernel = directory / "kernel"
        self.kernel_cmdline = directory / "kernel.cmdline"
        self.initrd = directory / "initrd"
        self.efi_code = directory / "qemu-efi-code.fd"
        self.ha_pid = directory / "ha.pid"
        self.ha_sock = directory / "ha.sock"
        self.ha_stdout = directory / "ha.stdout.log"
        self.ha_stderr = directory / "ha.stderr.log"
        self.ssh_config = directory / "ssh.config"
        self.ssh_sock = directory / "ssh.sock"
        self.ga_sock = directory / "ga.sock"
        self.ga_ssh_sock = directory / "ga-ssh.sock"
        self.qmp_sock = directory / "qmp.sock"
        self.events_sock = directory / "qmp-events.sock"
        self.serial_sock = directory / "serial.sock"
        self.serial_log = directory / "serial.log"

    def driver_pid(self, vm_type: str = "qemu") -> Path:
        """`qemu.pid`, `vz.pid`, …"""
        return self.dir / f"{vm_type}.pid"

    def serial(self, kind: str, ending: str) -> Path:
        """`serial`, `serialp` or `serialv` with ending `sock` or `log`."""
        return self.dir / f"{kind}.{ending}"

    def earlier(self, log: Path, boots_ago: int) -> Path:
        """The rotated copy of a serial log: `serial.1.log` is the boot before this one."""
        return log.with_name(f"{log.stem}.{boots_ago}{log.suffix}")


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
        self.private_key = self.config / "user"
        self.public_key = self.config / "user.pub"

    def instance(self, name: str) -> InstancePaths:
        """Paths of the instance `name`; raises UsageError when it is no instance name."""
        return InstancePaths(self.home / check_instance_name(name))

    def data_disk(self, name: str) -> Path:
        """The directory of an additional disk; raises UsageError when it is no disk name."""
        return self.disks / check_identifier(name, "disk")


def check_socket_length(directory: Path) -> None:
    """Raise HostError when sockets in `directory` would exceed the kernel's limit for unix paths."""
    longest = str(directory / "ssh.sock") + _SSH_SOCKET_SUFFIX
    size = len(os.fsencode(longest))
    if size >= UNIX_PATH_MAX:
        raise HostError(
            f"instance directory `{directory}` is too long: its sockets need {size} bytes, "
            f"less than UNIX_PATH_MAX={UNIX_PATH_MAX} are allowed",
            hint="use a shorter instance name, or set LIMA_HOME to a shorter directory",
        )
