"""Which instances the list shows, and in which order. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from limacore.model.instance import Instance, Status
from limatui.actions import key
from limatui.filter import Test
from limatui.ink import Line
from limatui.present.words import plural

SORTS = ("", "status", "cpu", "memory", "disk", "up")
"""What `o` goes through; the first is the order of their names."""
_ORDER = (Status.BROKEN, Status.ORPHAN_QEMU, Status.ORPHAN_AGENT, Status.PANICKED, Status.PAUSED, Status.STARTING,
          Status.STOPPING, Status.RUNNING, Status.SUSPENDED, Status.STOPPED)
_FAULTS = _ORDER[:5]
_OFF = (Status.SUSPENDED, Status.STOPPED)
_NAMED = {"up": "uptime"}


class View(Struct, frozen=True):
    """How the list is looked at."""

    sort: str = ""
    backwards: bool = False
    up_only: bool = False
    faults_only: bool = False


def next_sort(view: View) -> View:
    """The next order, the right way round."""
    return replace(view, sort=SORTS[(SORTS.index(view.sort) + 1) % len(SORTS)], backwards=False)


def arranged(instances: Iterable[Instance], view: View, test: Test,
             cpu: Callable[[str], Sequence[float]]) -> list[Instance]:
    """Those that are shown, in their order; `cpu` are the last samples, whose mean keeps rows from jumping."""
    shown = [each for each in instances if test(each) and _seen(each, view)]
    keys: dict[str, Callable[[Instance], float]] = {
        "status": lambda each: _ORDER.index(each.status), "cpu": lambda each: -round(_mean(cpu(each.name))),
        "memory": lambda each: -(each.usage.guest_memory_used or each.usage.memory_bytes) >> 26,
        "disk": lambda each: -(each.usage.guest_disk_used or each.usage.disk_allocated),
        "up": lambda each: each.started_at or float("inf"),
    }
    if view.sort:
        shown.sort(key=keys[view.sort])
    return shown[::-1] if view.backwards else shown


def _mean(samples: Sequence[float]) -> float:
    return sum(samples) / len(samples) if samples else -1.0


def _seen(each: Instance, view: View) -> bool:
    if view.faults_only and not faulty(each):
        return False
    return not view.up_only or each.status not in _OFF


def faulty(each: Instance) -> bool:
    """Whether it needs a look."""
    return each.status in _FAULTS or bool(each.errors)


def told(view: View, hidden: int, marked: int) -> Line:
    """`by cpu   2 hidden: only what is up   3 marked`; nothing when all is as usual."""
    spans: list[tuple[str, str]] = []
    if view.sort or view.backwards:
        turned = ", turned around" if view.backwards else ""
        spans += [("by ", "faint"), (_NAMED.get(view.sort, view.sort or "name") + turned, "dim"), ("   ", "")]
    only = " and ".join(word for word, on in (("what is up", view.up_only), ("faults", view.faults_only)) if on)
    if only:
        keys = " ".join(name for name, on in ((key("hide"), view.up_only), (key("faults"), view.faults_only)) if on)
        spans += [(f"only {only}", "warn"), (f", {hidden} hidden", "dim"), (f"  {keys} ends it   ", "faint")]
    if marked:
        spans += [(f"✓ {plural(marked, 'instance')} marked", "accent-key"), ("  esc unmarks", "faint")]
    return tuple(spans)
