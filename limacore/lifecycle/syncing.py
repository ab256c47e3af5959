"""A host directory that a guest works on: copied there, what changed there, and copied back. rsync does the work."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from limacore.base import remote
from limacore.base.goquote import ticked
from limacore.base.proc import missing_program
from limacore.errors import GuestError, HostError, UsageError
from limacore.lifecycle.shell import Route
from limacore.lifecycle.transfer import shell_of

DEPTH = 4
"""Parts of the shortest path that may be synced, the empty one before the first slash counted: nobody means `/home`."""
_FLAGS = 11
"""Length of what rsync says of an item before its name."""


class Changes(Struct, frozen=True):
    """How many items differ in the guest, by what happened to them there."""

    added: int = 0
    deleted: int = 0
    modified: int = 0
    metadata: int = 0

    def __bool__(self) -> bool:
        return self != Changes()

    def __str__(self) -> str:
        return (f"added: {self.added}, deleted: {self.deleted}, modified: {self.modified}, "
                f"metadata: {self.metadata}")


class Pair(Struct, frozen=True):
    """The directory here, and its copy in the guest."""

    here: Path
    there: str
    way: Route

    def push(self) -> None:
        """Make the copy; raises HostError, GuestError."""
        self._guest(f"mkdir -p -- {remote.quote(self.there)}")
        self._rsync("-q", "-r", "--delete", source=f"{self.here}/", target=self._remote)

    def pull(self, target: Path | None = None) -> None:
        """Copy back what is in the guest, or into another directory here; raises HostError."""
        self._rsync("-q", "-r", "--delete", source=self._remote, target=f"{target or self.here}/")

    def changes(self) -> Changes:
        """What `pull` would change; raises HostError."""
        return counted(self._rsync("-r", "--delete", "--dry-run", "--itemize-changes", source=self._remote,
                                   target=f"{self.here}/"))

    def forget(self) -> None:
        """Remove the copy; raises GuestError."""
        self._guest(f"rm -rf -- {remote.quote(self.there)}")

    @property
    def _remote(self) -> str:
        return f"{self.way.user}@{self.way.address}:{self.there}/"

    def _guest(self, script: str) -> None:
        done = _run(self.way.argv(script))
        if done.returncode:
            raise GuestError(f"{ticked(script)} failed in the guest", detail=done.stderr.strip())

    def _rsync(self, *flags: str, source: str, target: str) -> str:
        done = _run(["rsync", "-a", *flags, "-e", shell_of(self.way), "--", source, target])
        if done.returncode:
            raise HostError(f"rsync from {ticked(source)} to {ticked(target)} failed", detail=done.stderr.strip(),
                            hint="is rsync installed in the guest, too?")
        return done.stdout


def _run(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                              check=False)
    except OSError as error:
        raise missing_program(argv[0]) from error


def directory(text: str) -> Path:
    """The directory to sync, as a whole path; raises UsageError for one that nobody can mean."""
    found = os.path.abspath(text)  # noqa: PTH100  without following links: the guest gets the path as it is here
    depth = len(found.split("/"))
    if depth < DEPTH:
        raise UsageError(f"expected the depth of the host working directory ({ticked(found)}) to be at least {DEPTH}, "
                         f"only got {depth} (Hint: cd to a deeper directory)")
    if not Path(found).is_dir():
        raise UsageError(f"{ticked(found)} is not a directory", hint="name a directory of this computer")
    return Path(found)


def counted(itemized: str) -> Changes:
    """What `rsync --itemize-changes` says, as numbers."""
    kinds = [_kind(line) for line in itemized.splitlines() if len(line) > _FLAGS]
    return Changes(*(kinds.count(kind) for kind in Changes.__struct_fields__))


def _kind(line: str) -> str:
    if line.startswith("*deleting"):
        return "deleted"
    if line[0] in "<>c":
        return "added" if line[2] == "+" else "modified"
    return "metadata" if line[0] == "." and line[2:_FLAGS].strip(". ") else ""
