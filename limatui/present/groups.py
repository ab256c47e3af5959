"""The list in groups: by status, template, architecture, driver, or by a label of lima.yaml. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from limacore.model.instance import Instance, Status

URGENT = (Status.BROKEN, Status.ORPHAN_QEMU, Status.ORPHAN_AGENT, Status.PANICKED, Status.PAUSED, Status.STARTING,
          Status.STOPPING, Status.RUNNING, Status.SUSPENDED, Status.STOPPED)
"""What needs a look first."""
FIXED: dict[str, Callable[[Instance], str]] = {
    "status": lambda each: each.status.value, "template": lambda each: each.template.removeprefix("template:"),
    "arch": lambda each: each.arch, "vm": lambda each: each.vm_type,
}
_NAMED = {"arch": "architecture", "vm": "driver"}
_LABEL = "label:"


class Group(Struct, frozen=True):
    """Instances that have something in common: `value`, empty for those that say nothing of it."""

    value: str
    members: tuple[Instance, ...]

    @property
    def names(self) -> frozenset[str]:
        """Of its members."""
        return frozenset(each.name for each in self.members)

    @property
    def running(self) -> int:
        """How many of them run."""
        return sum(each.status is Status.RUNNING for each in self.members)


def labels(instance: Instance) -> dict[str, object]:
    """`vmOpts.limatui.labels` of its lima.yaml."""
    return instance.config.vm_opts.limatui.labels if instance.config else {}


def kinds(instances: Iterable[Instance]) -> tuple[str, ...]:
    """What they can be grouped by; the first is not at all."""
    found = sorted({label for each in instances for label in labels(each)})
    return ("", *FIXED, *(f"{_LABEL}{label}" for label in found))


def following(by: str, instances: Iterable[Instance]) -> str:
    """What comes after that."""
    known = kinds(instances)
    return known[(known.index(by) + 1) % len(known)] if by in known else ""


def word(by: str) -> str:
    """What it is called."""
    return by.removeprefix(_LABEL) if by.startswith(_LABEL) else _NAMED.get(by, by)


def value(instance: Instance, by: str) -> str:
    """What it has of that."""
    if by in FIXED:
        return FIXED[by](instance)
    return str(labels(instance).get(by.removeprefix(_LABEL), ""))


def grouped(shown: Sequence[Instance], by: str) -> list[Group]:
    """Groups in their order, members in that of the list; who says nothing comes last."""
    found: dict[str, list[Instance]] = {}
    for each in shown:
        found.setdefault(value(each, by), []).append(each)
    order = sorted(found, key=_urgency if by == "status" else lambda name: (not name, name.lower()))
    return [Group(name, tuple(found[name])) for name in order]


def _urgency(status: str) -> int:
    return URGENT.index(Status(status))
