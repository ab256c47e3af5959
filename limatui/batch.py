"""What is done to several instances at once, told once: how many it was done to, and why not to the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from limacore.model.job import Job, JobState
from limatui.present.words import plural

_SHOWN = 4
"""Reasons that are told in full; the rest stands in the list of jobs."""


class Told(Struct, frozen=True):
    """A title and why not all was done; `worst` is the state of the worst job."""

    title: str
    message: str
    worst: JobState


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
