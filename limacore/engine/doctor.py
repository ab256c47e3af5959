"""The doctor for the dashboard: findings, what a repair would do, and the repair as a job.

What examines is imported when somebody asks: the first picture waits for the engine's imports."""

from __future__ import annotations

from collections.abc import Sequence

from limacore.engine.desk import Desk
from limacore.errors import StateError
from limacore.jobs import Update
from limacore.model.finding import Finding


class Doctor(Desk):
    """Looks; changes nothing but what `repair` is asked to."""

    async def findings(self, name: str = "") -> tuple[Finding, ...]:
        """What is wrong with an instance, or with this computer, the home and everything in it; raises LimaError.

        Disks are not read from end to end: this is asked while somebody waits."""
        from limacore.health.doctor import examine

        return await examine(self._home, (name,) if name else (), whole=False)

    def planned(self, findings: Sequence[Finding]) -> tuple[str, ...]:
        """What repairs would do, one sentence each; nothing is done."""
        from limacore.health import repairs

        return repairs.plan(findings)

    def repair(self, name: str, finding: Finding) -> int:
        """Put one finding right, if it still holds."""
        command = f"limatui doctor --fix{f' {name}' if name else ''}"

        async def work(update: Update) -> None:
            from limacore.health import repairs

            done = await repairs.repair(self._home, (name,) if name else (), (finding,))
            if not done.repaired:
                raise StateError("nothing was repaired", detail=f"{finding.what}: it could not be, or is right by now",
                                 hint=f"look again: {command.replace(' --fix', '')}")

        return self._submit("doctor", name or "host", command, work)
