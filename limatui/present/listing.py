"""Which instances the list shows, and in which order. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from limacore.model.instance import Instance, Status
from limatui.actions import key
from limatui.filter import Test
from limatui.ink import Line
from limatui.present import groups
from limatui.present.groups import URGENT
from limatui.present.words import plural

SORTS = ("", "status", "cpu", "memory", "disk", "up")
"""What `o` goes through; the first is the order of their names."""
_FAULTS = URGENT[:5]
_OFF = (Status.SUSPENDED, Status.STOPPED)
_NAMED = {"up": "uptime", "cpus": "processors", "arch": "architecture", "vm": "driver", "ssh": "port of ssh"}


class View(Struct, frozen=True):
    """How the list is looked at."""

    sort: str = ""
    backwards: bool = False
    up_only: bool = False
    faults_only: bool = False
    group: str = ""
    folded: frozenset[str] = frozenset()
    """Values of groups whose members are not shown."""


def next_sort(view: View) -> View:
    """The next order, the right way round."""
    at = SORTS.index(view.sort) if view.sort in SORTS else -1
    return replace(view, sort=SORTS[(at + 1) % len(SORTS)], backwards=False)


def by_column(view: View, column: str) -> View:
    """The order of a column whose title was chosen; once more: turned around."""
    sort = "" if column == "name" else column
    return replace(view, sort=sort, backwards=sort == view.sort and not view.backwards)


def next_group(view: View, instances: Iterable[Instance]) -> View:
    """Other groups, all of them open."""
    return replace(view, group=groups.following(view.group, instances), folded=frozenset())


def fold(view: View, value: str) -> View:
    """A group without its members, or with them again."""
    return replace(view, folded=view.folded ^ {value})


def arranged(instances: Iterable[Instance], view: View, test: Test,
             cpu: Callable[[str], Sequence[float]]) -> list[Instance]:
    """Those that are shown, in their order; `cpu` are the last samples, whose mean keeps rows from jumping."""
    shown = [each for each in instances if test(each) and _seen(each, view)]
    keys: dict[str, Callable[[Instance], float | str]] = {
        "status": lambda each: URGENT.index(each.status), "cpu": lambda each: -round(_mean(cpu(each.name))),
        "memory": lambda each: -(each.usage.guest_memory_used or each.usage.memory_bytes) >> 26,
        "disk": lambda each: -(each.usage.guest_disk_used or each.usage.disk_allocated),
        "up": lambda each: each.started_at or float("inf"), "ssh": lambda each: each.ssh_port or float("inf"),
        "arch": lambda each: each.arch, "vm": lambda each: each.vm_type, "cpus": lambda each: -each.cpus,
    }
    if view.sort in keys:
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
    if view.group:
        spans += [("groups by ", "faint"), (groups.word(view.group), "dim"), ("   ", "")]
    only = " and ".join(word for word, on in (("what is up", view.up_only), ("faults", view.faults_only)) if on)
    if only:
        keys = " ".join(name for name, on in ((key("hide"), view.up_only), (key("faults"), view.faults_only)) if on)
        spans += [(f"only {only}", "warn"), (f", {hidden} hidden", "dim"), (f"  {keys} ends it   ", "faint")]
    if marked:
        spans += [(f"✓ {plural(marked, 'instance')} marked", "accent-key"), ("  esc unmarks", "faint")]
    return tuple(spans)
