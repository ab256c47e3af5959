"""Why the last start did not get through, and what a guest that runs is in need of, as far as its logs tell."""

from __future__ import annotations

from collections.abc import Iterator

from limacore.diagnosis import read, when
from limacore.diagnosis.diagnose import diagnose, living
from limacore.model.finding import Finding
from limacore.model.instance import Instance, Status
from limacore.paths import InstancePaths

_NOT_OURS = (Status.BROKEN, Status.ORPHAN_QEMU, Status.ORPHAN_AGENT)
"""States that other findings explain."""


def last_start(paths: InstancePaths, instance: Instance) -> Iterator[Finding]:
    """What the logs tell of a start that failed or takes long, and of a guest that is in need now."""
    if instance.status is Status.STARTING or (not instance.status.is_up and not when.was_ready(paths)):
        yield from diagnose(read.last_boot(paths, up=instance.status.is_up))
        return
    seen = {each.id: each for each in read.findings(instance)}
    seen |= {each.id: each for each in living(read.last_boot(paths, up=True))
             if instance.status.is_up or each.id.startswith("guest-")}
    yield from seen.values() if instance.status not in _NOT_OURS else ()
