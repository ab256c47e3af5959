"""The overview of an instance: what it is on the left, what it costs on the right, what is wrong below."""

from __future__ import annotations

from collections.abc import Sequence

from limacore.model.instance import Forward, Instance, Status
from limacore.model.mount import MountState
from limatui.actions import key
from limatui.history import Past
from limatui.ink import Line, Span, beside, indent, shed
from limatui.present.bootview import diagnosed
from limatui.present.costs import costs, disk, memory, processor, transfers
from limatui.present.mounts import look
from limatui.present.mounts import of as mounts_of
from limatui.present.status import status
from limatui.present.words import duration, plural

_LABEL = 13
_BAD = (Status.BROKEN, Status.ORPHAN_QEMU, Status.ORPHAN_AGENT, Status.PAUSED, Status.PANICKED)


def label(name: str, *value: Span) -> Line:
    """`template     template:default`."""
    return ((name.ljust(_LABEL), "faint"), *value)


def identity(instance: Instance, now: float, tight: bool = False) -> tuple[Line, ...]:
    """Template, machine, since when, where, protection, agent; not the guest's own addresses where it is `tight`."""
    inside = () if tight else _inside(instance)
    return (*_what(instance), *_since(instance, now), *_where(instance), *inside, *_state(instance))


def _what(instance: Instance) -> tuple[Line, ...]:
    parts = (instance.vm_type, plural(instance.cpus, "cpu") if instance.cpus else "", instance.accel, instance.arch)
    known = [part for part in parts if part] or ["not known"]
    machine = tuple((f" · {part}" if index else part, "") for index, part in enumerate(known))
    return (
        *((label("template", (instance.template, "")),) if instance.template else ()),
        label("machine", *machine),
    )


def _since(instance: Instance, now: float) -> tuple[Line, ...]:
    ready = f"  ready in {instance.ready_seconds:.1f} s" if instance.ready_seconds else ""
    if not instance.started_at:
        last = f"last start took {instance.ready_seconds:.0f} s" if instance.ready_seconds else "s starts it"
        return (label("started", ("no  ", ""), (last, "dim")),)
    return (label("started", (f"{duration(now - instance.started_at)} ago", ""), (ready, "dim")),)


def _where(instance: Instance) -> tuple[Line, ...]:
    if not instance.ssh_port:
        return ()
    where = f"{instance.ssh_address}:{instance.ssh_port}"
    return (label("address", (where, ""), ("   t opens a shell", "faint")),)


def _inside(instance: Instance) -> tuple[Line, ...]:
    """What the guest calls itself."""
    if not instance.addresses:
        return ()
    interface, _, address = instance.addresses[0].partition(" ")
    others = f", {len(instance.addresses) - 1} more" if instance.addresses[1:] else ""
    return (label("inside", (address, ""), (f"   {interface}", "dim"), (others, "faint")),)


def _state(instance: Instance) -> tuple[Line, ...]:
    lines: list[Line] = []
    if instance.protected:
        lines.append(label("protected", ("◆ yes", "protected"), (f"  {key('protect')} lifts it", "faint")))
    if instance.edit_waits:
        lines.append(label("edit", ("◷ waits for the next start", "number"),
                           ("  e shows it" + (", r restarts" if instance.status.is_up else ""), "faint")))
    if instance.agent:
        well = instance.agent in ("answering", "over ssh")
        skew = f"  clock {instance.clock_skew_ms:+.0f} ms" if instance.clock_skew_ms is not None else ""
        lines.append(label("agent", ("● " if well else "▲ ", "running" if well else "warn"),
                           (instance.agent, "running" if well else "warn"), (skew, "dim")))
    return tuple(lines)


def mounts(instance: Instance) -> tuple[Line, ...]:
    """The host directories, whether they really are there."""
    found = mounts_of(instance)
    if not found:
        return ()
    up = instance.status is Status.RUNNING and bool(instance.mounts)
    return ((("MOUNTS", "faint"),), *(_mount(each, up) for each in found))


def _mount(each: MountState, up: bool) -> Line:
    sign, _, mark = look(each, up) if up else ("·", "", "faint")
    where = "" if each.mount_point == each.location else f" → {each.mount_point}"
    return ((f"{sign} ", mark), (each.location, ""), (where, "dim"),
            ("  writable" if each.writable else "  read-only", "dim"),
            (f"  {each.error}" if each.error else f"  {each.type}", "bad" if each.error else "faint"))


def ports(forwards: Sequence[Forward], limit: int = 8) -> tuple[Line, ...]:
    """Forwarded ports, those that failed with the reason."""
    if not forwards:
        return ()
    here = [each for each in forwards if each.host] or list(forwards)
    more = len(forwards) - len(here[:limit])
    rest: tuple[Line, ...] = (((f"  and {more} more   ", "dim"), ("6", "accent-key"), (" shows them", "faint")),) \
        if more > 0 else ()
    return ((("PORTS", "faint"),), *(_port(each) for each in here[:limit]), *rest)


def _port(forward: Forward) -> Line:
    host = forward.host or "not forwarded"
    where: tuple[Span, ...] = ((host, ""), (" ← ", "faint"), (forward.guest, "dim"))
    udp: Span = (" udp" if forward.protocol == "udp" else "", "faint")
    if forward.state == "failed":
        return (("✗ ", "bad"), *where, udp, (f"  {forward.error}", "bad"))
    if forward.state == "not-forwarding":
        return (("· ", "faint"), (forward.guest, "dim"), udp, ("  not forwarded", "faint"))
    if forward.state == "waiting":
        return (("· ", "faint"), *where, udp, ("  waiting for the guest", "faint"))
    return (("● ", "running"), *where, udp)


def findings(instance: Instance, limit: int = 3) -> tuple[Line, ...]:
    """What is wrong, with the evidence of the status when that is what is wrong."""
    still = _still(instance)
    if instance.findings:
        return (*still, *diagnosed(instance.findings))
    bad = instance.status in _BAD and not (still and not instance.phase)
    facts = (*instance.errors, *(instance.evidence if bad else ()))
    seen = tuple(dict.fromkeys(facts))
    if not seen:
        return still
    colour = "bad" if bad else "warn"
    title = f"▲ {plural(len(seen), 'finding')}: "
    first: Line = ((title, colour), (seen[0], ""))
    rest = tuple(((" " * len(title), ""), (fact, "dim")) for fact in seen[1:limit])
    repair = _repair(instance)
    return (*still, first, *rest, *((((" " * len(title), ""), *repair),) if repair else ()))


def _still(instance: Instance) -> tuple[Line, ...]:
    """The banner of a machine that stands still: why, and the key that lets it go on."""
    if instance.status is Status.PAUSED and instance.phase:
        mend = "free space" if "full" in instance.phase else "mend that"
        return (((f"‖ {instance.phase}: {mend}, then ", "bad"), ("P", "accent-key bold"), (" resumes", "bad")),)
    if instance.status is Status.PAUSED:
        return ((("‖ paused: ", "number"), ("P", "accent-key bold"), (" lets it go on", "number")),)
    if instance.status is Status.SUSPENDED:
        return ((("☾ suspended, its memory is kept: ", "number"), ("s", "accent-key bold"),
                 (" lets it go on, ", "number"), ("X", "accent-key bold"), (" gives it up", "number")),)
    return ()


def _repair(instance: Instance) -> Line:
    if instance.status in (Status.ORPHAN_QEMU, Status.ORPHAN_AGENT):
        return (("X", "accent-key bold"), (" ends what is left, ", "dim"), ("s", "accent-key bold"),
                (" takes it over with a new start", "dim"))
    if instance.status is Status.PANICKED:
        return (("l", "accent-key bold"), (" shows the console's log, ", "dim"), ("r", "accent-key bold"),
                (" restarts it", "dim"))
    if instance.status is Status.BROKEN:
        return (("e", "accent-key bold"), (" opens its lima.yaml", "dim"))
    return ()


def title(instance: Instance, now: float) -> Line:
    """`default  ● Running  2h14m  ◆ protected`."""
    up = duration(now - instance.started_at) if instance.started_at else ""
    return ((instance.name, "bold"), ("  ", ""), *status(instance), (f"  {up}" if up else "", "dim"),
            ("  ◆ protected" if instance.protected else "", "protected"))


def overview(instance: Instance, past: Past, now: float, cells: int, rows: int) -> tuple[Line, ...]:
    """The whole pane in `cells` x `rows`."""
    below, top = indent(findings(instance), 1), banner(instance, cells)
    arrange = _stacked if cells < 76 else _columns
    room = rows - len(top)
    return (*top, *fill(arrange(instance, past, now, cells, room), below, room))


def banner(instance: Instance, cells: int) -> tuple[Line, ...]:
    """One line over everything while the machine stands still: that it does, and why; a blank one below it."""
    if instance.status is not Status.PAUSED:
        return ()
    reason = instance.phase or (instance.errors[0] if instance.errors else "by a command to its monitor")
    line: Line = ((" ‖ paused ", "number bold reverse"), ("  ", ""), (reason, "bold"),
                  ("   nothing in it goes on meanwhile", "dim"))
    return (shed(line, cells), ())


def fill(body: Sequence[Line], below: Sequence[Line], rows: int) -> tuple[Line, ...]:
    """`body` at the top, `below` at the bottom of `rows` lines."""
    if not below or rows < len(below) + 4:
        return tuple(body[:rows])
    room = rows - len(below) - 2
    kept = tuple(body[:room])
    return (*kept, *([()] * (room + 1 - len(kept))), *below, ())


def _columns(instance: Instance, past: Past, now: float, cells: int, rows: int) -> tuple[Line, ...]:
    half = cells // 2 + 1
    tight = rows < 16
    left = (*identity(instance, now, tight), *spaced(ports(instance.forwards)), *spaced(mounts(instance)))
    right = costs(instance, past, cells - half - 2, 2 if tight else 4, not tight)
    return beside(indent(left, 1), right, half)


def _stacked(instance: Instance, past: Past, now: float, cells: int, rows: int) -> tuple[Line, ...]:
    wide = max(20, cells - 2)
    top = (*identity(instance, now, rows < 30), *spaced(ports(instance.forwards, 3)))
    return (*indent(top, 1), (), *indent(costs(instance, past, wide, 3), 1), *indent(spaced(mounts(instance)), 1))


def wide(instance: Instance, past: Past, now: float, cells: int) -> tuple[Line, ...]:
    """The pane of a big screen: the graph over all of it, everything else in two columns below."""
    half, top = cells // 2 - 3, banner(instance, cells)
    ports_and_mounts = (*ports(instance.forwards), *spaced(mounts(instance)))
    facts = tuple(shed(line, cells) for line in beside(identity(instance, now), ports_and_mounts, half))
    below = spaced(findings(instance))
    if not instance.status.is_up:
        return (*disk(instance, half - 4), (), *facts, *below)
    left = memory(instance, past, half - 4)
    right = disk(instance, cells - half - 1)
    return (*top, *processor(instance, past, cells - 1, 6), (), *beside(left, right, half), (),
            *transfers(instance, past, half - 4), (), *facts, *below)


def spaced(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """A section with a blank line before it, unless it is empty."""
    return ((), *lines) if lines else ()
