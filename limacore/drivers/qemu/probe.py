"""Which QEMU there is and what it can do; remembered per binary, because each look costs 20-50 ms."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shlex
import shutil
from pathlib import Path

import msgspec
from msgspec import Struct

from limacore.base import files, proc
from limacore.errors import DriverError, HostError, LimaError
from limacore.paths import data_cache_dir

_PROGRAMS = {
    "x86_64": "qemu-system-x86_64",
    "aarch64": "qemu-system-aarch64",
    "armv7l": "qemu-system-arm",
    "ppc64le": "qemu-system-ppc64",
    "riscv64": "qemu-system-riscv64",
    "s390x": "qemu-system-s390x",
}
_CPU_MACHINES = {"x86_64": "q35", "aarch64": "virt", "armv7l": "virt", "riscv64": "virt"}
_VERSION = re.compile(r"QEMU emulator version (\d+)\.(\d+)\.(\d+)")
_TIMEOUT = 20.0
_HARD_MINIMUM = (4, 0, 0)
_SOFT_MINIMUM = (6, 2, 0)


class Features(Struct, frozen=True):
    """What one QEMU binary says of itself; `stamp` tells binaries apart: path, size, time of change."""

    stamp: str
    version: tuple[int, int, int] = (0, 0, 0)
    """(0, 0, 0) when it does not say."""
    accels: str = ""
    cpus: str = ""
    netdevs: str = ""


def program(arch: str) -> tuple[str, ...]:
    """The absolute path of QEMU for `arch` and the extra words of `$QEMU_SYSTEM_<ARCH>`; raises HostError."""
    if arch not in _PROGRAMS:
        raise DriverError(f"the architecture `{arch}` is not known to the QEMU driver",
                          hint="use one of " + ", ".join(_PROGRAMS))
    words = shlex.split(os.environ.get(f"QEMU_SYSTEM_{arch.upper()}", "")) or [_PROGRAMS[arch]]
    found = shutil.which(words[0])
    if not found:
        raise proc.missing_program(words[0])
    return str(Path(found).absolute()), *words[1:]


def stamp(binary: str) -> str:
    """A text that differs when the binary is another one or was updated."""
    real = Path(binary).resolve()
    stat = real.stat()
    return f"{real}|{stat.st_size}|{stat.st_mtime_ns}"


async def features(binary: str, arch: str) -> Features:
    """What the binary offers, from the cache when it has not changed; raises HostError or DriverError."""
    try:
        mark = stamp(binary)
    except OSError as error:
        raise HostError(f"cannot use `{binary}`", detail=error.strerror or str(error)) from error
    path = data_cache_dir() / f"qemu-{hashlib.sha256(mark.encode()).hexdigest()[:16]}.json"
    known = _read(path, mark)
    if known:
        return known
    fresh = await _ask(binary, arch, mark)
    remember(path, fresh)
    return fresh


def _read(path: Path, mark: str) -> Features | None:
    try:
        known = msgspec.json.decode(path.read_bytes(), type=Features)
    except (OSError, msgspec.MsgspecError):
        return None
    return known if known.stamp == mark else None


def remember(path: Path, value: Struct) -> None:
    """Write a cache file; a cache that cannot be written costs time later, not an error now."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_atomic(path, msgspec.json.encode(value), 0o600)
    except (OSError, LimaError):
        return


async def _ask(binary: str, arch: str, mark: str) -> Features:
    asked = (
        ("--version",),
        ("-M", "none", "-accel", "help"),
        ("-cpu", "help", "-machine", _CPU_MACHINES.get(arch, "none")),
        ("-M", "none", "-netdev", "help"),
    )
    version, accels, cpus, netdevs = await asyncio.gather(*(_output(binary, words) for words in asked))
    return Features(mark, parse_version(version), accels, cpus, netdevs)


async def _output(binary: str, words: tuple[str, ...]) -> str:
    result = await proc.run([binary, *words], timeout=_TIMEOUT)
    text = result.stdout or result.stderr
    if result.code != 0 and words == ("--version",):
        raise DriverError(f"`{binary} --version` failed with exit code {result.code}", detail=text,
                          hint="reinstall QEMU")
    return text


def parse_version(text: str) -> tuple[int, int, int]:
    """The version in the output of `--version`; (0, 0, 0) when there is none."""
    match = _VERSION.search(text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else (0, 0, 0)


def check_version(version: tuple[int, int, int], wanted: str = "") -> str:
    """A warning, or ""; raises DriverError when QEMU is too old for us or for the template (`minimumVersion`)."""
    if version == (0, 0, 0):
        return "the version of QEMU could not be found out"
    text = ".".join(map(str, version))
    if version < _HARD_MINIMUM:
        raise DriverError(f"QEMU {text} is too old, 4.0.0 or later required", hint="update QEMU")
    if wanted and version < _wanted(wanted):
        raise DriverError(f"QEMU {text} is too old, template requires `{wanted}` or later",
                          hint="update QEMU, or lower `vmOpts.qemu.minimumVersion` in lima.yaml")
    return f"QEMU {text} is old, 6.2.0 or later is recommended" if version < _SOFT_MINIMUM else ""


def _wanted(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def check_cpu(cpu: str, cpus: str, binary: str) -> None:
    """Raise DriverError when the CPU model is not one that this QEMU lists."""
    model = cpu.partition(",")[0]
    if cpu != "max" and model not in cpus:
        raise DriverError(f"cpu `{model}` is not supported by {binary}",
                          hint=f"choose one that `{binary} -cpu help` lists, in `vmOpts.qemu.cpuType`")
