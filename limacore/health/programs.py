"""What this computer must have for VMs: QEMU, virtualization, ssh, firmware."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

from limacore.base import notice, proc
from limacore.base.host import machine
from limacore.drivers.qemu import accel, firmware, probe
from limacore.errors import LimaError
from limacore.model.config import Config
from limacore.model.finding import Finding, Severity

HOST = "host"
_SFTP_SERVERS = (
    "/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server",
    "/usr/libexec/sftp-server", "/usr/libexec/ssh/sftp-server",
)  # fmt: skip
_NEEDED = {
    "ssh": "guests are reached by it", "ssh-keygen": "it makes the key that guests let in",
    "qemu-img": "it makes and grows disks",
}


def missing() -> Iterator[Finding]:
    """Programs that every instance needs."""
    for program, why in _NEEDED.items():
        if not shutil.which(program):
            yield _absent(f"{program}-missing", program, why, Severity.ERROR)


def _absent(id: str, program: str, why: str, severity: Severity) -> Finding:
    error = proc.missing_program(program)
    return Finding(id=id, severity=severity, subject=HOST, what=error.message, evidence=(error.detail,), why=why,
                   fix=error.hint)


def sftp_server(configs: Iterable[Config], places: Iterable[str] = _SFTP_SERVERS) -> Iterator[Finding]:
    """Mounts over ssh need the server of sftp on this side."""
    wanted = any(config.mounts and config.mount_type == "reverse-sshfs" for config in configs)
    if wanted and not shutil.which("sftp-server") and not any(Path(place).exists() for place in places):
        yield Finding(id="sftp-server-missing", severity=Severity.WARNING, subject=HOST,
                      what="`sftp-server` is not installed", evidence=("not found where OpenSSH puts it",),
                      why="mounts of type reverse-sshfs are served by it",
                      fix="install the OpenSSH server package (openssh-sftp-server)")


async def qemu(arches: Iterable[str]) -> AsyncIterator[Finding]:
    """QEMU for each architecture that is used: present, and not too old."""
    for arch in sorted(set(arches)):
        try:
            words = probe.program(arch)
            features = await probe.features(words[0], arch)
            warning = probe.check_version(features.version)
        except LimaError as error:
            gone = "not installed" in error.message
            yield Finding(id="qemu-missing" if gone else "qemu-unusable", severity=Severity.ERROR, subject=HOST,
                          what=error.message, evidence=(error.detail or f"looked at QEMU for {arch}",),
                          why=f"machines of architecture {arch} run in it", fix=error.hint)
        else:
            if warning:
                yield Finding(id="qemu-old", severity=Severity.WARNING, subject=HOST, what=warning,
                              evidence=(f"`{words[0]} --version`",), fix="update QEMU")


async def virtualization(device: Path = accel.KVM) -> AsyncIterator[Finding]:
    """Whether guests run by KVM; when not, why."""
    if not sys.platform.startswith("linux"):
        return
    arch, reason = machine(), accel.obstacle(machine(), device)
    if not reason:
        reason = await _tried(arch)
    if reason:
        yield Finding(id="kvm-unusable", severity=Severity.WARNING, subject=HOST,
                      what="KVM is not used: guests run by software emulation", evidence=(reason,),
                      why="an emulated guest is ten times slower, or more", fix=_how(reason))


async def _tried(arch: str) -> str:
    """What a trial guest says, remembered since the host was booted; empty when KVM works, or there is no QEMU."""
    try:
        binary = probe.program(arch)[0]
        features = await probe.features(binary, arch)
        return (await accel.decide(Config(arch=arch), binary, features, lambda level, message: None)).reason
    except LimaError:
        return ""


def _how(reason: str) -> str:
    if "usermod" in reason:
        return reason.partition("(")[2].partition(")")[0] + ", then log in anew"
    if "does not exist" in reason:
        return "switch on virtualization in the firmware of this computer (or in the hypervisor it runs in), " \
               "then: sudo modprobe kvm"
    return f"after a change of the host: {notice.program()} info --reprobe"


def uefi(configs: Iterable[Config]) -> Iterator[Finding]:
    """The firmware that machines with UEFI start from."""
    for arch in sorted({each.arch for each in configs if each.vm_type == "qemu" and firmware.uses_uefi(each)}):
        try:
            binary = Path(probe.program(arch)[0])
        except LimaError:
            continue
        places = firmware.candidates(arch, binary, Path.home())
        if not firmware.first_file(places):
            yield Finding(id="firmware-missing", severity=Severity.WARNING, subject=HOST,
                          what=f"no UEFI firmware for {arch} is installed",
                          evidence=tuple(f"{place} does not exist" for place in places),
                          why="instances of that architecture cannot start unless their template brings it",
                          fix=f"install it (Debian: apt-get install {firmware.package(arch)})")
