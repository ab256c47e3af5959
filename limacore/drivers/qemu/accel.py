"""Which accelerator a machine gets, by evidence: KVM counts only after it has run a guest on this host.

/dev/kvm may open and even create a VM and still not run one (nested and paravirtual hosts): QEMU dies on an MSR, or
the guest crawls a hundred times slower than under software emulation. So a boot sector is run first, once per
boot of the host, QEMU binary and CPU model.
"""

from __future__ import annotations

import grp
import os
import platform
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from limacore.base.host import machine
from limacore.drivers.base import Log
from limacore.drivers.qemu import probe, trial
from limacore.model.config import Config
from limacore.model.network import machine_id
from limacore.paths import data_cache_dir

KVM = Path("/dev/kvm")


class Verdict(Struct, frozen=True):
    """What to use, and why it is not the fast one ("" when it is)."""

    accel: str
    reason: str = ""


class _Cache(Struct, frozen=True):
    verdicts: dict[str, Verdict] = {}


def cpu_type(config: Config, accel: str) -> str:
    """The value of `-cpu`: `vmOpts.qemu.cpuType`, else `host`; emulation, which has no `host`, gets `max`."""
    chosen = config.vm_opts.qemu.cpu_type.get(config.arch) or config.cpu_type.get(config.arch)
    if accel != "tcg":
        return chosen or "host"
    model, comma, flags = (chosen or "max").partition(",")
    return f"{'max' if model == 'host' else model}{comma}{flags}"


def obstacle(arch: str, kvm: Path = KVM) -> str:
    """Why KVM is out of the question without a trial; "" when it is not."""
    if arch != machine():
        return f"the guest is {arch}, this computer {machine()}"
    if not kvm.exists():
        return f"{kvm} does not exist: this computer offers no virtualization, or the kvm module is not loaded"
    if not os.access(kvm, os.R_OK | os.W_OK):
        return f"{kvm} may not be opened by you; {_group_hint(kvm)}"
    return ""


def _group_hint(kvm: Path) -> str:
    try:
        group = grp.getgrgid(kvm.stat().st_gid).gr_name
    except (KeyError, OSError):
        return "ask the administrator for access"
    return f"become a member of its group (sudo usermod -aG {group} $USER) and log in anew"


async def decide(config: Config, binary: str, features: probe.Features, log: Log, *, reprobe: bool = False) -> Verdict:
    """The accelerator for this machine on this host, with one warning when it is the slow one."""
    verdict = await (_linux(config, binary, features, reprobe) if sys.platform.startswith("linux") else _elsewhere())
    if verdict.accel == "tcg":
        level = "warning" if config.arch == machine() else "info"
        log(level, f"KVM is not used, the guest runs by software emulation (slow): {verdict.reason}")
    return verdict


async def _elsewhere() -> Verdict:
    if sys.platform != "darwin":
        return Verdict("tcg", f"no accelerator is known for {sys.platform}")
    from limacore.base import proc

    said = await proc.run(["sysctl", "-n", "kern.hv_support"], timeout=10)
    return Verdict("hvf") if said.stdout.strip() == "1" else Verdict("tcg", "this Mac has no hypervisor support")


async def _linux(config: Config, binary: str, features: probe.Features, reprobe: bool) -> Verdict:
    why_not = obstacle(config.arch)
    if why_not:
        return Verdict("tcg", why_not)
    cpu = cpu_type(config, "kvm")
    key = _key(features, config.arch, cpu)
    path = data_cache_dir() / "accel.json"
    known = _read(path)
    if key in known.verdicts and not reprobe:
        return known.verdicts[key]
    verdict = await trial.verdict(binary, config.arch, cpu)
    fresh = judge(verdict)
    probe.remember(path, _Cache(_newest(known.verdicts) | {key: fresh}))
    return fresh


def judge(ran: trial.Trial) -> Verdict:
    """KVM if the trial machine ran, and not slower than software emulation does the same."""
    if ran.seconds is None:
        return Verdict("tcg", ran.failure)
    if ran.emulated is not None and ran.seconds > ran.emulated:
        return Verdict("tcg", f"KVM on this computer is slower than software emulation: a trial boot took "
                              f"{ran.seconds:.1f} s instead of {ran.emulated:.1f} s")
    return Verdict("kvm")


def _key(features: probe.Features, arch: str, cpu: str) -> str:
    kernel = platform.uname()
    return "|".join((machine_id(), _boot_id(), kernel.release, kernel.version, features.stamp,
                     ".".join(map(str, features.version)), arch, cpu))


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _read(path: Path) -> _Cache:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Cache)
    except (OSError, msgspec.MsgspecError):
        return _Cache()


def _newest(verdicts: dict[str, Verdict], keep: int = 15) -> dict[str, Verdict]:
    return dict(list(verdicts.items())[-keep:])


def forget() -> None:
    """Drop all verdicts, so that the next start tries again."""
    (data_cache_dir() / "accel.json").unlink(missing_ok=True)
