"""Jobs: every action of a user, with a progress, a cancel and an end."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from limacore.model.instance import Step


class JobState(StrEnum):
    """Where a job is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job(Struct, frozen=True):
    """One action: `command` is the equivalent command line, `progress` 0 to 1 or None when not known."""

    id: int
    verb: str
    target: str
    command: str = ""
    state: JobState = JobState.RUNNING
    detail: str = ""
    progress: float | None = None
    started_at: float = 0.0
    seconds: float = 0.0
    error: str = ""
    hint: str = ""
    steps: tuple[Step, ...] = ()

    @property
    def title(self) -> str:
        """`start default`."""
        return f"{self.verb} {self.target}".strip()


class Progress(Struct, frozen=True):
    """What a long operation reports: a step name, a detail, a fraction 0 to 1 or None."""

    step: str
    detail: str = ""
    fraction: float | None = None
