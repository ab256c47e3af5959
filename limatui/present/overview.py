"""The overview of an instance: what it is on the left, what it costs on the right, what is wrong below."""

from __future__ import annotations

from collections.abc import Sequence

from limacore.model.instance import Forward, Instance, Status
from limatui.ink import Line, Span, beside, indent, shed, spread
from limatui.present.bootview import diagnosed
from limatui.present.meters import ceiling, graph, meter
from limatui.present.rows import cpu_of
from limatui.present.status import status
from limatui.present.words import duration, part_of, plural, rate, size

_LABEL = 13
_BAD = (Status.BROKEN, Status.ORPHAN_QEMU, Status.ORPHAN_AGENT, Status.PAUSED, Status.PANICKED)


def label(name: str, *value: Span) -> Line:
    """`template     template:default`."""
    return ((name.ljust(_LABEL), "faint"), *value)


def identity(instance: Instance, now: float) -> tuple[Line, ...]:
    """Template, machine, since when, where, protection, agent."""
    return (*_what(instance), *_since(instance, now), *_reach(instance))


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


def _reach(instance: Instance) -> tuple[Line, ...]:
    lines: list[Line] = []
    if instance.ssh_port:
        where = f"{instance.ssh_address}:{instance.ssh_port}"
        lines.append(label("address", (where, ""), ("   t opens a shell", "faint")))
    if instance.protected:
        lines.append(label("protected", ("◆ yes", "protected"), ("  p lifts it", "faint")))
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
    """The host directories that lima.yaml names; whether they are mounted is not observed yet, so no dot says so."""
    if instance.config is None or not instance.config.mounts:
        return ()
    kind = instance.config.mount_type
    return ((("MOUNTS", "faint"),), *(
        (("· ", "faint"), (each.location, ""), ("  writable" if each.writable else "  read-only", "dim"),
         (f"  {kind}" if kind else "", "dim"))
        for each in instance.config.mounts
    ))


def ports(forwards: Sequence[Forward], limit: int = 8) -> tuple[Line, ...]:
    """Forwarded ports, those that failed with the reason."""
    if not forwards:
        return ()
    more = len(forwards) - limit
    rest: tuple[Line, ...] = (((f"  and {more} more", "dim"),),) if more > 0 else ()
    return ((("PORTS", "faint"),), *(_port(each) for each in forwards[:limit]), *rest)


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


def costs(instance: Instance, cpu: Sequence[float], cells: int, rows: int, gap: bool = True) -> tuple[Line, ...]:
    """CPU over time, memory, disk, input and output; with blank lines between when there is a `gap`."""
    if not instance.status.is_up:
        return disk(instance, cells)
    between: tuple[Line, ...] = ((),) if gap else ()
    return (*processor(instance, cpu, cells, rows), *between, *memory(instance, cells), *between,
            *disk(instance, cells), *between, *transfers(instance, cells))


def processor(instance: Instance, cpu: Sequence[float], cells: int, rows: int) -> tuple[Line, ...]:
    """The graph with its title."""
    seen = cpu[-2 * cells:]
    top = ceiling(seen)
    title: Line = (("CPU     ", "faint"), (f"{cpu_of(instance):.0f}%", "bold"),
                   (f" of {plural(instance.cpus, 'core')}", "dim"))
    scale = f"{round(2 * cells / 60)} min"
    limit = f", up to {top:.0f}%" if cells > 44 else ""
    return (spread(title, ((scale + limit, "faint"),), cells), *((row,) for row in graph(seen, cells, rows, top)))


def memory(instance: Instance, cells: int) -> tuple[Line, ...]:
    """Used inside when the agent tells, and what the process takes on the host."""
    usage = instance.usage
    used = usage.guest_memory_used or usage.memory_bytes
    number, total = part_of(used, instance.memory or 1).split("/")
    host = " ".join(size(usage.memory_bytes))
    inside = bool(usage.guest_memory_used)
    text = (("MEMORY  ", "faint"), (number, "bold"), (f" of {total}", "dim"),
            (" inside" if inside else " on the host", "dim"), (f"   host {host}" if inside else "", "dim"))
    return (shed(text, cells), meter(used / (instance.memory or 1), cells))


def disk(instance: Instance, cells: int) -> tuple[Line, ...]:
    """Used inside, allocated on the host, and what could be given back."""
    usage = instance.usage
    used = usage.guest_disk_used or usage.disk_allocated
    if not instance.disk:
        return ()
    number, total = part_of(used, instance.disk).split("/")
    spare = usage.disk_allocated - usage.guest_disk_used if usage.guest_disk_used else 0
    host, unit = size(usage.disk_allocated)
    host += "" if total.endswith(unit) else f" {unit}"
    inside = "   " if usage.guest_disk_used else " "
    wasted = spare > usage.disk_allocated * 0.3 and spare > 1 << 30
    reclaim = f", {size(spare)[0]} to reclaim" if wasted else ""
    share = used / instance.disk
    mark = "warn" if wasted else "dim"
    return (shed((("DISK    ", "faint"), (number, "bold"), (f" of {total}", "dim"), (f"{inside}host {host}", mark),
                  (reclaim, mark)), cells),
            meter(share, cells, "warn" if share >= 0.7 else "number"))


def transfers(instance: Instance, cells: int) -> tuple[Line, ...]:
    """Storage of the VM process."""
    read, read_unit = rate(instance.usage.read_rate)
    write, write_unit = rate(instance.usage.write_rate)
    words = ("read ", "write ") if cells >= 40 else ("r ", "w ")
    return ((("I/O     ", "faint"), (words[0], "dim"), (read, ""), (f" {read_unit}   ", "dim"),
             (words[1], "dim"), (write, ""), (f" {write_unit}", "dim")),)


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


def overview(instance: Instance, cpu: Sequence[float], now: float, cells: int, rows: int) -> tuple[Line, ...]:
    """The whole pane in `cells` x `rows`."""
    below = indent(findings(instance), 1)
    arrange = _stacked if cells < 76 else _columns
    return fill(arrange(instance, cpu, now, cells, rows), below, rows)


def fill(body: Sequence[Line], below: Sequence[Line], rows: int) -> tuple[Line, ...]:
    """`body` at the top, `below` at the bottom of `rows` lines."""
    if not below or rows < len(below) + 4:
        return tuple(body[:rows])
    room = rows - len(below) - 2
    kept = tuple(body[:room])
    return (*kept, *([()] * (room + 1 - len(kept))), *below, ())


def _columns(instance: Instance, cpu: Sequence[float], now: float, cells: int, rows: int) -> tuple[Line, ...]:
    half = cells // 2 + 1
    tight = rows < 16
    left = (*identity(instance, now), *spaced(ports(instance.forwards)), *spaced(mounts(instance)))
    right = costs(instance, cpu, cells - half - 2, 2 if tight else 4, not tight)
    return beside(indent(left, 1), right, half)


def _stacked(instance: Instance, cpu: Sequence[float], now: float, cells: int, rows: int) -> tuple[Line, ...]:
    wide = max(20, cells - 2)
    top = (*identity(instance, now), *spaced(ports(instance.forwards, 3)))
    return (*indent(top, 1), (), *indent(costs(instance, cpu, wide, 3), 1), *indent(spaced(mounts(instance)), 1))


def wide(instance: Instance, cpu: Sequence[float], now: float, cells: int) -> tuple[Line, ...]:
    """The pane of a big screen: the graph over all of it, everything else in two columns below."""
    half = cells // 2 - 3
    ports_and_mounts = (*ports(instance.forwards), *spaced(mounts(instance)))
    facts = beside(identity(instance, now), ports_and_mounts, half)
    below = spaced(findings(instance))
    if not instance.status.is_up:
        return (*disk(instance, half - 4), (), *facts, *below)
    left, right = memory(instance, half - 4), disk(instance, cells - half - 1)
    return (*processor(instance, cpu, cells - 1, 6), (), *beside(left, right, half), (),
            *transfers(instance, cells), (), *facts, *below)


def spaced(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """A section with a blank line before it, unless it is empty."""
    return ((), *lines) if lines else ()
