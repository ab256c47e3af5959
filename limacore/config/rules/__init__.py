"""Rules of lima.yaml, one file per part; each rule is a generator of problems over the filled configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from limacore.base.host import kernel
from limacore.config.rules import connections, guest, machine, networks
from limacore.model.config import Problem
from limacore.paths import HomePaths

Rule = Callable[[dict[str, Any], HomePaths], Iterator[Problem]]


def _alone(rule: Callable[[dict[str, Any]], Iterator[Problem]]) -> Rule:
    return lambda filled, home: rule(filled)


RULES: tuple[Rule, ...] = (
    *map(_alone, (
        machine.version, machine.system, machine.images, machine.sizes, machine.disks, connections.mounts,
        machine.ssh, connections.mount_type, guest.provision, machine.containerd, guest.probes,
        connections.port_forwards, guest.copies, connections.names,
    )),
    networks.networks,
    *map(_alone, (guest.params, guest.user, connections.plain, machine.devices)),
)
"""In the order in which Lima reports."""


def experimental(filled: dict[str, Any]) -> tuple[str, ...]:
    """What of a configuration may still change, told when an instance is made or started."""
    sudo, system = filled["user"]["passwordlessSudo"], filled["os"]
    found = (
        (system == "Windows", "`os: Windows`"),
        (filled.get("mountType") == "virtiofs" and kernel() == "linux", "`mountType: virtiofs` on Linux"),
        (filled["arch"] in ("riscv64", "armv7l", "s390x", "ppc64le"), f"`arch: {filled['arch']}`"),
        ("vnc" in filled["video"]["display"], f"`video.display: {filled['video']['display']}`"),
        (bool(filled["audio"]["device"]), "`audio.device`"),
        (filled["mountInotify"], "`mountInotify`"),
        (not sudo and system != "Darwin", "`user.passwordlessSudo: false`"),
    )
    return tuple(f"{what} is experimental" for there, what in found if there)


def ignored(filled: dict[str, Any]) -> tuple[str, ...]:
    """What the driver passes over, in limactl's words."""
    if filled["vmType"] != "qemu":
        return ()
    return tuple(f"vmType qemu: ignoring networks[{number}]: [VZNAT]"
                 for number, network in enumerate(filled["networks"]) if network.get("vzNAT") is not None)


def validate(filled: dict[str, Any], home: HomePaths) -> tuple[Problem, ...]:
    """Problems of a filled configuration whose `vmType` is resolved; names of networks are looked up in `home`."""
    return tuple(problem for rule in RULES for problem in rule(filled, home))
