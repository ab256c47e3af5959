"""What the doctor finds: one thing that is wrong or unusual, what shows it, what to do about it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Severity(StrEnum):
    """How bad it is: an `error` keeps something from working, a `warning` may, a `note` is good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(Struct, frozen=True, kw_only=True):
    """One finding. Scripts read these as JSON: fields are added, never renamed."""

    id: str
    """The kind, e.g. `pid-stale`: stays the same from version to version."""
    severity: Severity
    subject: str
    """`host`, `home`, `instance NAME` or `disk NAME`."""
    what: str
    """One sentence."""
    evidence: tuple[str, ...] = ()
    """What was seen, one sentence each."""
    why: str = ""
    """What follows from it, or how it comes about."""
    fix: str = ""
    """What to do now: a command, or a sentence."""
    repairable: bool = False
    """Whether `doctor --fix` can do it."""
    paths: tuple[str, ...] = ()
    """The files that a repair would touch."""


class Checkup(Struct, frozen=True, kw_only=True):
    """One examination: `ok` when no error remains."""

    home: str
    findings: tuple[Finding, ...] = ()
    repaired: tuple[str, ...] = ()
    """What was done by `--fix`, one sentence each."""

    @property
    def ok(self) -> bool:
        """Whether nothing is left that keeps something from working."""
        return not any(each.severity is Severity.ERROR for each in self.findings)
