"""What is done to several instances at once, told once: how many it was done to, and why not to the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from limacore.errors import LimaError
from limacore.model.job import Job, JobState
from limatui.messages import ManyWanted
from limatui.present.words import plural
from limatui.verbs import calls

if TYPE_CHECKING:
    from limatui.app import Dashboard, Severity

_SHOWN = 4
"""Reasons that are told in full; the rest stands in the list of jobs."""


class Told(Struct, frozen=True):
    """A title and why not all was done; `worst` is the state of the worst job."""

    title: str
    message: str
    worst: JobState


_WORSE: dict[JobState, Severity] = {JobState.DONE: "information", JobState.CANCELLED: "warning",
                                    JobState.FAILED: "error"}


class Batch:
    """Jobs that were begun together, as they were seen last."""

    def __init__(self, word: str, jobs: Iterable[int], refused: Sequence[str] = ()) -> None:
        self._word, self._refused = word, tuple(refused)
        self._left = set(jobs)
        self._ended: dict[int, Job | None] = {}

    def has(self, job: int) -> bool:
        """Whether a job is one of these."""
        return job in self._left or job in self._ended

    def see(self, jobs: Sequence[Job]) -> Told | None:
        """What is to be told now: the outcome, once, when none of them runs any more."""
        known = {job.id: job for job in jobs}
        oldest = min(known, default=0)
        for each in tuple(self._left):
            job = known.get(each)
            if job.state is not JobState.RUNNING if job else each < oldest:
                self._left.discard(each)
                self._ended[each] = job
        return None if self._left else outcome(self._word, list(self._ended.values()), self._refused)


def outcome(word: str, ended: Sequence[Job | None], refused: Sequence[str] = ()) -> Told:
    """`stop: 3 of 4 done`, and why not the fourth. None is a job that was forgotten before its end was seen."""
    failed = [job for job in ended if job and job.state is JobState.FAILED]
    cancelled = [job for job in ended if job and job.state is JobState.CANCELLED]
    count = len(ended) + len(refused)
    unseen = sum(job is None for job in ended)
    done = len(ended) - len(failed) - len(cancelled) - unseen
    reasons = [*(f"{job.target}: {job.error}" for job in failed), *refused]
    lines = [f"{len(reasons)} failed"] if reasons else []
    lines += reasons[:_SHOWN] + ([f"and {len(reasons) - _SHOWN} more"] if len(reasons) > _SHOWN else [])
    lines += [f"{plural(len(cancelled), 'job')} cancelled, and undone"] if cancelled else []
    lines += [f"{unseen} ended unseen: look at their states"] if unseen else []
    worst = JobState.FAILED if reasons else JobState.CANCELLED if cancelled or unseen else JobState.DONE
    title = f"{word}: {done} of {count} done" if lines else f"{word}: all {count} done"
    return Told(title, "\n".join(lines), worst)


class Outcomes:
    """Tells how jobs end: each failure once, those that were begun together in one word."""

    def __init__(self, board: Dashboard) -> None:
        self._board = board
        self._told: set[int] = set()
        self._batches: list[Batch] = []

    def begin(self, wish: ManyWanted) -> None:
        """A job for each of them."""
        begun, refused = [], []
        for subject in filter(None, map(self._board.fleet.get, wish.names)):
            try:
                begun.append(calls.VERBS[wish.action](self._board.bridge.engine, subject, ""))
            except LimaError as error:
                refused.append(f"{subject.name}: {error.message}")
        self._batches.append(Batch(wish.word, begun, refused))

    def see(self, jobs: Sequence[Job]) -> None:
        """Jobs as they are now."""
        for job in jobs:
            if job.state in (JobState.FAILED, JobState.CANCELLED) and job.id not in self._told:
                self._told.add(job.id)
                if not any(batch.has(job.id) for batch in self._batches):
                    self._tell(job)
        for batch in tuple(self._batches):
            if told := batch.see(jobs):
                self._batches.remove(batch)
                title = told.title if told.message else ""
                self._board.tell(told.message or told.title, title=title, severity=_WORSE[told.worst])

    def _tell(self, job: Job) -> None:
        if job.state is JobState.CANCELLED:
            self._board.tell("cancelled, and undone", title=job.title)
        else:
            self._board.tell("\n".join(part for part in (job.error, job.hint) if part), title=f"{job.title} failed",
                             severity="error")
