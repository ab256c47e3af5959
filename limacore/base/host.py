"""What this computer is: user, processors, memory, time zone. Read once per process."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import sys
from pathlib import Path

from msgspec import Struct

_ARCHES = {"amd64": "x86_64", "arm64": "aarch64", "armv6l": "armv7l", "ppc64el": "ppc64le"}
_KERNELS = {"linux": "linux", "darwin": "darwin", "win32": "windows"}
LEAD_UID = 1000
"""The guest uid for a host user who is root: guests refuse uid 0."""


class Host(Struct, frozen=True):
    """Facts of the host that defaults are derived from; memory in bytes."""

    user: str
    uid: int
    home: str
    full_name: str
    cpus: int
    memory: int
    arch: str
    os: str
    """`linux`, `darwin` or `windows`."""
    timezone: str
    temp_dir: str = "/tmp"


def host() -> Host:
    """This computer, and its user as the environment has it."""
    return _host(*(os.environ.get(name) for name in ("HOME", "USER", "TMPDIR")))


@functools.lru_cache(4)
def _host(*environment: str | None) -> Host:
    user, full_name, home = _account()
    return Host(
        user=user, uid=os.getuid(), home=home, full_name=full_name,
        cpus=usable_cpus(), memory=physical_memory(), arch=machine(), os=kernel(),
        timezone=timezone(), temp_dir=os.environ.get("TMPDIR") or "/tmp",
    )


def machine() -> str:
    """The processor architecture in Lima's spelling, e.g. `x86_64`."""
    name = platform.machine().lower()
    return _ARCHES.get(name, name)


def kernel() -> str:
    """`linux`, `darwin` or `windows`."""
    return _KERNELS.get(sys.platform, sys.platform)


def usable_cpus() -> int:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def physical_memory() -> int:
    """Bytes of memory; 0 when the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0


def _account() -> tuple[str, str, str]:
    import pwd

    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return os.environ.get("USER", ""), "", os.environ.get("HOME", "/")
    return entry.pw_name, entry.pw_gecos.partition(",")[0], os.environ.get("HOME") or entry.pw_dir


def timezone(etc: Path = Path("/etc")) -> str:
    """Name of the host's time zone such as `Europe/Vienna`; empty when it cannot be told."""
    with contextlib.suppress(OSError):
        name = (etc / "timezone").read_text().strip()
        if name and (Path("/usr/share/zoneinfo") / name).exists():
            return name
    with contextlib.suppress(OSError):
        return _zone_below(Path(os.path.realpath(etc / "localtime")))
    return ""


def _zone_below(zone: Path) -> str:
    for parent in zone.parents:
        if (parent / "Etc" / "UTC").exists():
            return str(zone.relative_to(parent))
    return ""
