"""What the parts of the engine share: the home, its jobs, and a word to whoever watches when one has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from limacore.jobs import Jobs, Update, Work
from limacore.paths import HomePaths


class Desk:
    """One Lima home and the jobs on it."""

    def __init__(self, home: Path | None = None) -> None:
        self._home = HomePaths(home)
        self.home = str(self._home.home)
        self._jobs = Jobs()
        self._poke = asyncio.Event()

    def _submit(self, verb: str, target: str, command: str, work: Work, plan: Sequence[str] = ()) -> int:
        """Begin a job; whoever watches the fleet looks again when it has ended."""
        async def tell_after(update: Update) -> None:
            try:
                await work(update)
            finally:
                self._poke.set()

        return self._jobs.submit(verb, target, command, tell_after, plan)

    def cancel(self, job: int) -> None:
        """Cancel a job; it undoes what it began."""
        self._jobs.cancel(job)

    def again(self, job: int) -> int:
        """Begin what a job did once more; returns the id of the new job."""
        return self._jobs.again(job)
