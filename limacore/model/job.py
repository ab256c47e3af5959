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


class LogLine(Struct, frozen=True):
    """One notice: `at` in epoch seconds, `level` is `debug`, `info`, `warning` or `error`."""

    at: float
    level: str
    text: str


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
    done: int = 0
    """Bytes that have arrived or were written."""
    total: int = 0
    """Bytes there will be; 0 when not known."""
    rate: float = 0.0
    """Bytes per second; 0 when not known."""
    eta: float | None = None
    """Seconds until it is through; None when not known."""
    log: tuple[LogLine, ...] = ()
    """What the engine told while the job ran, oldest first; at most the last few hundred lines."""

    @property
    def title(self) -> str:
        """`start default`."""
        return f"{self.verb} {self.target}".strip()


class Progress(Struct, frozen=True):
    """What a long operation reports: a step name, a detail, a fraction 0 to 1 or None, bytes where bytes move.

    `done` and `total` (0: not known) in bytes, `rate` in bytes per second, `eta` in seconds (None: not known).
    """

    step: str
    detail: str = ""
    fraction: float | None = None
    done: int = 0
    total: int = 0
    rate: float = 0.0
    eta: float | None = None
    steps: tuple[Step, ...] = ()
    """All steps as they stand, from a reporter that knows them; empty: only `step` is told."""
