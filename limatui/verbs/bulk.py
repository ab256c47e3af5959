"""What is done to several instances at once: to which of them it can be done, and why not to the others. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from limacore.model.instance import Instance, Status
from limatui.actions import BY_ID

VERBS = ("start", "stop", "insist", "restart", "pause", "suspend", "protect", "delete", "mark")
"""Actions that take marks; `mark` only stands in the footer with them."""


def split(action: str, marked: Sequence[Instance]) -> tuple[tuple[Instance, ...], tuple[str, ...]]:
    """Those to which it can be done, and why not to each of the others."""
    if action == "mark":
        return (), ()
    if action == "protect":
        return tuple(each for each in marked if each.protected == lifts(marked)), ()
    still = action == "pause" and not resumes(marked)
    reasons = {each.name: f"{each.name} is paused already" if still and each.status is Status.PAUSED
               else BY_ID[action].reason(each) for each in marked}
    return (tuple(each for each in marked if not reasons[each.name]),
            tuple(reason for reason in reasons.values() if reason))


def resumes(marked: Sequence[Instance]) -> bool:
    """Whether `pause` lets them go on: when there is none to be paused, but some that are."""
    halting = [each for each in marked if not BY_ID["pause"].reason(each)]
    return bool(halting) and all(each.status is Status.PAUSED for each in halting)


def lifts(marked: Sequence[Instance]) -> bool:
    """Whether `protect` lifts the protection: when all have it."""
    return bool(marked) and all(each.protected for each in marked)


def word(action: str, marked: Sequence[Instance]) -> str:
    """What it is called for these."""
    if action == "protect":
        return "unprotect" if lifts(marked) else "protect"
    if action == "pause":
        return "resume" if resumes(marked) else "pause"
    return BY_ID[action].label
