"""The dashboard over an engine whose every string is hostile: names, errors, evidence, logs, jobs, templates.

Run in a terminal by test_hostile.py.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

from msgspec.structs import replace

from limacore.drivers.demo import DemoEngine
from limacore.errors import StateError
from limacore.model.boot import Boot
from limacore.model.cache import CacheEntry
from limacore.model.config import Problem
from limacore.model.instance import Fleet, Forward, Step
from limacore.model.job import Job, JobState, LogLine
from limacore.model.mount import MountState
from limacore.model.probe import Probe
from limacore.model.snapshot import Snapshot
from limacore.model.template import Effective, TemplateInfo
from limatui.app import Dashboard
from limatui.host.driver import TerminalDriver

EVIL = (
    "\x1b]52;c;RVZJTA==\x07\x1b]0;EVILTITLE\x1b\\\x1bP+q544e\x1b\\\x1b[31;5m\x9b2J\x9d52;c;AA\x9c"
    "\u202eEVILBIDI\u2066\x07\x08\r\n[red]EVILMARKUP[/red][@click=app.exit]x[/]\ud800\x7f\x00END"
)


class HostileEngine(DemoEngine):
    """The demo, poisoned."""

    def fleet(self) -> Fleet:
        clean = super().fleet()
        return replace(clean, home=f"/h{EVIL}", instances=tuple(
            replace(each, name=each.name if index < 3 else f"vm{index}{EVIL}", phase=EVIL, evidence=(EVIL,),
                    errors=(EVIL,), template=EVIL, vm_type=EVIL, accel=EVIL, agent=EVIL, ssh_address=EVIL, arch=EVIL,
                    message=EVIL, forwards=(Forward("tcp", EVIL, EVIL, "failed", EVIL, EVIL),
                                            Forward(EVIL, EVIL, EVIL, rule=EVIL)), addresses=(f"eth0 {EVIL}", EVIL),
                    mounts=(MountState(EVIL, EVIL, EVIL, error=EVIL), MountState(EVIL, "/x", EVIL, mounted=True)),
                    steps=tuple(Step(EVIL, step.state, EVIL, step.seconds) for step in each.steps))
            for index, each in enumerate(clean.instances)))

    async def watch_jobs(self) -> AsyncIterator[tuple[Job, ...]]:
        async for jobs in super().watch_jobs():
            failed = Job(999, EVIL, EVIL, EVIL, JobState.FAILED, EVIL, error=EVIL, hint=EVIL,
                         log=(LogLine(0.0, EVIL, EVIL), LogLine(0.0, "error", EVIL)))
            yield (failed, *jobs)

    def describe_templates(self) -> tuple[TemplateInfo, ...]:
        return (TemplateInfo("default", EVIL, EVIL, (EVIL,)), TemplateInfo(EVIL, EVIL, EVIL, (EVIL, EVIL), own=True))

    def template_text(self, name: str, *, embedded: bool = False) -> str:
        return EVIL

    def read_config(self, name: str) -> str:
        return f"# {EVIL}\ncpus: 1\n"

    def check_config(self, name: str, text: str) -> tuple[Problem, ...]:
        return (Problem(EVIL, EVIL, EVIL, line=1), Problem("", EVIL))

    def check_template(self, name: str, text: str) -> tuple[Problem, ...]:
        return self.check_config(name, text)

    def effective(self, name: str, text: str) -> tuple[Effective, ...]:
        return (Effective((EVIL, 0, "cpus"), EVIL, EVIL, 1), Effective(("cpus",), EVIL, "instance", 1))

    async def snapshots(self, name: str) -> tuple[Snapshot, ...]:
        return (Snapshot(EVIL, EVIL, 1, EVIL), Snapshot("", f"x{EVIL}"))

    async def cache(self) -> tuple[CacheEntry, ...]:
        return (CacheEntry(EVIL, f"https://h/{EVIL}", EVIL, 1, 0.0, EVIL, used_by=(EVIL, EVIL)),
                CacheEntry("k", EVIL, EVIL, partial=True))

    async def boots(self, name: str) -> tuple[Boot, ...]:
        return (Boot(1.0, 2.0, (Step(EVIL, EVIL, EVIL, 1.0), Step("kernel", "done", EVIL, 1.0)), EVIL),) * 2

    async def probe_forwards(self, name: str) -> tuple[Probe, ...]:
        return (Probe(EVIL, EVIL, EVIL),)

    def protect(self, name: str, on: bool) -> int:
        raise StateError(EVIL, hint=EVIL, detail=EVIL)


def main() -> None:
    engine = HostileEngine(5)
    log = engine.log_files("default")[0].path
    with Path(log).open("ab") as file:
        file.write(EVIL.encode("utf-8", "surrogatepass") * 40 + b"\r\nLOGEND\r\n")
    app = Dashboard(engine, driver_class=TerminalDriver)
    app.run()
    os._exit(0)


if __name__ == "__main__":
    main()
