"""Rules of lima.yaml, one file per part; each rule is a generator of problems over the filled configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from limacore.config.rules import connections, guest, machine
from limacore.model.config import Problem

Rule = Callable[[dict[str, Any]], Iterator[Problem]]
RULES: tuple[Rule, ...] = (
    machine.version, machine.system, guest.user, machine.images, machine.sizes, machine.disks, connections.mounts,
    machine.ssh, connections.mount_type, guest.provision, machine.containerd, guest.probes, connections.port_forwards,
    guest.copies, connections.names, connections.networks, guest.params, machine.devices,
)
"""In the order in which Lima reports."""


def validate(filled: dict[str, Any]) -> tuple[Problem, ...]:
    """Problems of a filled configuration whose `vmType` is resolved."""
    return tuple(problem for rule in RULES for problem in rule(filled))
