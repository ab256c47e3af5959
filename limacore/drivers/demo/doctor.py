"""What the demo's doctor finds: things of every kind, some of which it can put right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from limacore.drivers.demo.base import DemoWorld
from limacore.drivers.demo.world import Machine
from limacore.errors import StateError
from limacore.jobs import Update
from limacore.model.finding import Finding, Severity
from limacore.model.instance import Forward, Status
from limacore.model.mount import MountState


def _not_forwarded(subject: str, forward: Forward) -> Finding:
    return Finding(id="forward-failed", severity=Severity.WARNING, subject=subject,
                   what=f"{forward.guest} of the guest is not forwarded to {forward.host}",
                   evidence=(f"the host agent says: {forward.error}",),
                   why="what listens there is not reached from this computer",
                   fix="end the program that has the port, or give `portForwards` another `hostPort`")


def _not_mounted(subject: str, mount: MountState) -> Finding:
    return Finding(id="mount-failed", severity=Severity.WARNING, subject=subject,
                   what=f"`{mount.location}` is not mounted at {mount.mount_point}",
                   evidence=(f"the host agent says: {mount.error}",), why="the guest sees an empty directory there",
                   fix=f"limatui remount {subject.removeprefix('instance ')} {mount.mount_point}")


class DemoDoctor(DemoWorld):
    """Finds and repairs."""

    _repaired: frozenset[str] = frozenset()

    async def findings(self, name: str = "") -> tuple[Finding, ...]:
        """Of one machine, or of everything."""
        chosen = [self._get(name)] if name else list(self._machines.values())
        found = [*(() if name else self._general()), *(each for machine in chosen for each in self._of(machine))]
        return tuple(each for each in found if each.id not in self._repaired)

    def _general(self) -> Iterator[Finding]:
        part = f"{self.home}/cache/download/by-url-sha256/6f1e/data.part"
        yield Finding(id="virtualization", severity=Severity.WARNING, subject="host",
                      what="KVM cannot be used: guests run by software emulation, ten times slower",
                      evidence=("`/dev/kvm` may not be opened by you",), why="you are not in its group",
                      fix="sudo usermod -aG kvm $USER, then log in anew")
        yield Finding(id="download-left", severity=Severity.NOTE, subject="host", what="a download was never finished",
                      evidence=(f"`{part}`: 85 MiB, 9 days old",),
                      why="it takes space; the next download of the same file would go on from there",
                      fix=f"rm '{part}'", repairable=True, paths=(part,))

    def _of(self, machine: Machine) -> Iterator[Finding]:
        subject = f"instance {machine.name}"
        if machine.status is Status.ORPHAN_QEMU:
            stale = f"{self.home}/{machine.name}/ha.pid"
            yield Finding(id="orphan-vm", severity=Severity.ERROR, subject=subject,
                          what="its machine runs without a host agent", evidence=machine.evidence,
                          why="nobody forwards ports, mounts directories or shuts it down in order",
                          fix=f"shut it down from inside (console), else: limatui stop -f {machine.name}")
            yield Finding(id="pid-stale", severity=Severity.WARNING, subject=subject, what="`ha.pid` is of a process "
                          "that is gone", evidence=("ha.pid names process 951, which does not exist",),
                          why="limactl may take the instance for broken", fix=f"rm '{stale}'", repairable=True,
                          paths=(stale,))
        if machine.status is Status.PAUSED:
            yield Finding(id="start-disk-full", severity=Severity.ERROR, subject=subject,
                          what="QEMU stopped the guest: the file system of its disk is full",
                          evidence=("ha.stderr.log:214: QEMU cannot write the disk: nospace; the guest is stopped",),
                          why="writes of the guest wait, nothing is lost yet",
                          fix="free some space, then resume it: limatui prune; look at `disk list --all`")

        if machine.status is Status.RUNNING:
            yield from (_not_forwarded(subject, each) for each in machine.forwards if each.state == "failed")
            yield from (_not_mounted(subject, each) for each in machine.mounts if each.error)

    def planned(self, findings: Sequence[Finding]) -> tuple[str, ...]:
        """What repairs would do."""
        return tuple(f"remove `{path}`" for each in findings if each.repairable for path in each.paths)

    def repair(self, name: str, finding: Finding) -> int:
        """Put one finding right."""
        async def work(update: Update) -> None:
            if not finding.repairable:
                raise StateError("nothing was repaired", detail=finding.what)
            self._repaired |= {finding.id}
            self.poke()
        return self._jobs.submit("doctor", name or "host", f"limatui doctor --fix{f' {name}' if name else ''}", work)
