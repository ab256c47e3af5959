"""A status as glyph, word and colour; never colour alone."""

from __future__ import annotations

from limacore.model.instance import Instance, Status
from limatui.ink import Line

LOOKS: dict[Status, tuple[str, str, str]] = {
    Status.RUNNING: ("●", "Running", "running"),
    Status.STARTING: ("◐", "Starting", "warn"),
    Status.STOPPING: ("◑", "Stopping", "warn"),
    Status.STOPPED: ("○", "Stopped", "dim"),
    Status.PAUSED: ("‖", "Paused", "number"),
    Status.PANICKED: ("✗", "Panicked", "bad"),
    Status.SUSPENDED: ("☾", "Suspended", "number"),
    Status.ORPHAN_QEMU: ("▲", "Orphan", "bad"),
    Status.ORPHAN_AGENT: ("▲", "Orphan", "bad"),
    Status.BROKEN: ("✗", "Broken", "bad"),
}
_WITHOUT_PHASE = {Status.ORPHAN_QEMU: "no host agent", Status.ORPHAN_AGENT: "no QEMU"}


def phase(instance: Instance) -> str:
    """What stands behind the status word."""
    if instance.status in (Status.RUNNING, Status.STOPPED):
        return ""
    return instance.phase or _WITHOUT_PHASE.get(instance.status, "")


def status(instance: Instance) -> Line:
    """`◐ Starting ssh 2/5`."""
    glyph, word, colour = LOOKS[instance.status]
    if instance.status is Status.PAUSED and instance.phase:  # nobody asked for it
        colour = "bad"
    detail = phase(instance)
    return ((f"{glyph} {word}", colour), (f" {detail}" if detail else "", "dim"))


def has_degraded(instance: Instance) -> bool:
    """Whether it runs and something of it does not, or its logs tell why it does not get up."""
    return bool(instance.findings) or (instance.status is Status.RUNNING and bool(instance.errors))
