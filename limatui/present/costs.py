"""What a machine costs: processor, memory, disk, input and output; inside is what the guest counts. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from limacore.model.instance import Instance
from limatui.history import Past
from limatui.ink import Line, shed, spread, width
from limatui.present.meters import ceiling, graph, meter
from limatui.present.rows import cpu_of
from limatui.present.words import part_of, plural, rate, size

_SMALL = 12
"""Cells of a graph at the right edge, where the words leave room for one."""


def costs(instance: Instance, past: Past, cells: int, rows: int, gap: bool = True) -> tuple[Line, ...]:
    """CPU over time, memory, disk, input and output; with blank lines between when there is a `gap`."""
    if not instance.status.is_up:
        return disk(instance, cells)
    between: tuple[Line, ...] = ((),) if gap else ()
    return (*processor(instance, past, cells, rows), *between, *memory(instance, past, cells), *between,
            *disk(instance, cells), *between, *transfers(instance, past, cells))


def _with_graph(text: Line, samples: Sequence[float], cells: int, top: float = 100.0) -> Line:
    room = min(_SMALL, cells - width(text) - 2)
    if room < _SMALL - 4 or not samples:
        return shed(text, cells)
    return spread(text, graph(samples, room, 1, top), cells)


def processor(instance: Instance, past: Past, cells: int, rows: int) -> tuple[Line, ...]:
    """The graph of what this computer gives, with its title; what the guest counts below it."""
    seen = past.cpu[-2 * cells:]
    top = ceiling(seen)
    inside = instance.usage.guest_cpu_percent
    where = " outside" if inside is not None and cells > 44 else ""
    title: Line = (("CPU     ", "faint"), (f"{cpu_of(instance):.0f}%", "bold"),
                   (f" of {plural(instance.cpus, 'core')}{where}", "dim"))
    limit = f", up to {top:.0f}%" if cells > 44 else ""
    scale: Line = ((f"{round(2 * cells / 60)} min{limit}", "faint"),)
    lines = (spread(title, scale, cells), *((row,) for row in graph(seen, cells, rows, top)))
    return lines if inside is None or rows < 3 else (*lines, _inside(instance, inside, past, cells))


def _inside(instance: Instance, percent: float, past: Past, cells: int) -> Line:
    text: Line = (("        ", ""), (f"{percent:.0f}%", ""), (" inside", "dim"),
                  (f"   load {instance.usage.guest_load:.2f}", "dim"))
    return _with_graph(text, past.inside, cells, ceiling(past.inside[-2 * _SMALL:]))


def memory(instance: Instance, past: Past, cells: int) -> tuple[Line, ...]:
    """Used inside when the agent tells, and what the process takes on the host."""
    usage = instance.usage
    used = usage.guest_memory_used or usage.memory_bytes
    number, total = part_of(used, instance.memory or 1).split("/")
    host = " ".join(size(usage.memory_bytes))
    inside = bool(usage.guest_memory_used)
    text = (("MEMORY  ", "faint"), (number, "bold"), (f" of {total}", "dim"),
            (" inside" if inside else " on the host", "dim"), (f"   host {host}" if inside else "", "dim"))
    return (_with_graph(text, past.memory, cells), meter(used / (instance.memory or 1), cells))


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
    wasted = spare > usage.disk_allocated * 0.3 and spare > 1 << 30
    inside = "   " if usage.guest_disk_used else " "
    reclaim = f", {size(spare)[0]} to reclaim" if wasted else ""
    share = used / instance.disk
    mark = "warn" if wasted else "dim"
    text = (("DISK    ", "faint"), (number, "bold"), (f" of {total}", "dim"), (inside, "dim"),
            (f"host {host}" if usage.guest_disk_used else "on the host", mark), (reclaim, mark))
    longer = (*text[:3], (" inside", "dim"), *text[3:])
    fits = usage.guest_disk_used and width(longer) <= cells
    return (shed(longer if fits else text, cells),
            meter(share, cells, "warn" if share >= 0.7 else "number"))


def transfers(instance: Instance, past: Past, cells: int) -> tuple[Line, ...]:
    """Storage of the VM process."""
    read, read_unit = rate(instance.usage.read_rate)
    write, write_unit = rate(instance.usage.write_rate)
    words = ("read ", "write ") if cells >= 40 else ("r ", "w ")
    text = (("I/O     ", "faint"), (words[0], "dim"), (read, ""), (f" {read_unit}   ", "dim"),
            (words[1], "dim"), (write, ""), (f" {write_unit}", "dim"))
    recent = past.transfers[-2 * _SMALL:]
    return (_with_graph(text, recent, cells, max([1e6, *recent])),)
