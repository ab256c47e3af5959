"""The instance table: which columns fit, and each instance as a line of cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from limacore.model.instance import Instance
from limatui.actions import key
from limatui.ink import Line, cut, pad, width
from limatui.present.groups import Group, grouped, word
from limatui.present.meters import meter, spark
from limatui.present.status import LOOKS, has_degraded, status
from limatui.present.words import duration, part_of, plural

CURSOR = 3
"""Cells on the left that the cursor mark uses."""
_HEAD = "▾ "


def lines(seen: Sequence[Instance], by: str, folded: frozenset[str], row: Callable[[Instance], Row]
          ) -> list[Row | Head]:
    """The list: rows alone, or groups with their heads."""
    if not by:
        return [row(each) for each in seen]
    return [line for group in grouped(seen, by) for line in _group(Head(group, by, group.value in folded), row)]


def _group(head: Head, row: Callable[[Instance], Row]) -> list[Row | Head]:
    return [head, *(() if head.folded else map(row, head.group.members))]


def key_of(line: Row | Head) -> str:
    """What the cursor calls a line: the name of an instance, or that of a group."""
    return line.key if isinstance(line, Head) else line.instance.name


class Row(Struct, frozen=True):
    """All that a line is made from; `cpu` are the last samples in percent of the whole machine."""

    instance: Instance
    cpu: tuple[float, ...] = ()
    now: float = 0.0
    work: str = ""
    """What is being done to it, and how far that is."""
    marked: bool = False


class Head(Struct, frozen=True):
    """The line over a group: whether its members are shown below it, and whether all of them are marked."""

    group: Group
    by: str
    folded: bool = False
    marked: bool = False

    @property
    def key(self) -> str:
        """What the cursor calls it: no instance is called so."""
        return f"{_HEAD}{self.group.value}"

    @property
    def title(self) -> Line:
        """`web  3 running of 5`; a group that is a status says so itself."""
        count, running = len(self.group.members), self.group.running
        name = (self.group.value, "bold") if self.group.value else (f"no {word(self.by)}", "dim")
        if self.by == "status":
            return (name, (f"  {count}", "dim"))
        return (name, ("  ", ""), (str(running), "running" if running else "dim"), (f" running of {count}", "dim"))


class Column(Struct, frozen=True):
    """A column: title, cells, how an instance looks in it."""

    title: str
    cells: int
    draw: Callable[[Row, int], Line]
    gap: int = 3
    name: str = ""


def cpu_of(instance: Instance) -> float:
    """Percent of all the cores of the machine."""
    return instance.usage.cpu_percent / max(1, instance.cpus)


def _name(row: Row, cells: int) -> Line:
    mark = " ◆" if row.instance.protected else ""
    alert = " !" if has_degraded(row.instance) else ""
    room = cells - len(mark) - len(alert)
    name = row.instance.name
    shown = name if len(name) <= room else name[: room - 1] + "…"
    return ((shown, "text-bright"), (mark, "protected"), (alert, "warn bold"))


def _status(row: Row, cells: int) -> Line:
    word, *rest = status(row.instance)
    return (word, (f" {row.work}" if row.work else "", "number"), *rest)


def _cpu(bars: int) -> Callable[[Row, int], Line]:
    def draw(row: Row, cells: int) -> Line:
        if not row.instance.status.is_up:
            return ()
        colour = LOOKS[row.instance.status][2]
        graph = colour if colour in ("warn", "bad") else "number"
        return ((spark(row.cpu, bars), graph), (f"{cpu_of(row.instance):.0f}%".rjust(cells - bars), "text-bright"))
    return draw


def _memory(meters: int, short: bool) -> Callable[[Row, int], Line]:
    def draw(row: Row, cells: int) -> Line:
        used = row.instance.usage.guest_memory_used or row.instance.usage.memory_bytes
        if not row.instance.status.is_up or not row.instance.memory or not used:
            return ()
        return _gauge(used, row.instance.memory, cells, meters, short)
    return draw


def _disk(meters: int, short: bool) -> Callable[[Row, int], Line]:
    def draw(row: Row, cells: int) -> Line:
        usage = row.instance.usage
        used = usage.guest_disk_used or usage.disk_allocated
        if not row.instance.disk:
            return ()
        return _gauge(used, row.instance.disk, cells, meters, short)
    return draw


def _gauge(used: int, total: int, cells: int, meters: int, short: bool) -> Line:
    text = part_of(used, total, short=short)
    if not meters:
        return ((text, "dim"),)
    share = used / total
    return (*meter(share, meters, "warn" if share >= 0.7 else "number"), (text.rjust(cells - meters), "dim"))


def _ssh(row: Row, cells: int) -> Line:
    return ((str(row.instance.ssh_port) if row.instance.ssh_port else "", "dim"),)


def _up(row: Row, cells: int) -> Line:
    started = row.instance.started_at
    return ((duration(row.now - started) if started else "", "dim"),)


def _arch(row: Row, cells: int) -> Line:
    return ((row.instance.arch, "faint"),)


def _vm(row: Row, cells: int) -> Line:
    return ((row.instance.vm_type, "faint"),)


def _cpus(row: Row, cells: int) -> Line:
    return ((str(row.instance.cpus).rjust(cells), "dim"),)


_FIXED = {
    "ssh": Column("SSH", 6, _ssh, 2), "up": Column("UP", 6, _up, 2), "arch": Column("ARCH", 8, _arch, 2),
    "vm": Column("VM", 5, _vm, 2), "cpus": Column("CPUS", 4, _cpus, 2),
}
_FULL = {
    "name": Column("NAME", 11, _name, 1), "status": Column("STATUS", 22, _status), "cpu": Column("CPU", 13, _cpu(8), 4),
    "memory": Column("MEMORY", 19, _memory(8, False)), "disk": Column("DISK", 20, _disk(8, False), 2), **_FIXED,
}
_MIDDLE = {
    "name": Column("NAME", 11, _name, 1), "status": Column("STATUS", 22, _status, 2), "cpu": Column("CPU", 13, _cpu(8)),
    "memory": Column("MEMORY", 11, _memory(0, False)), "disk": Column("DISK", 8, _disk(0, True), 2), **_FIXED,
}
_NARROW = {
    "name": Column("NAME", 11, _name, 1), "status": Column("STATUS", 24, _status, 1),
    "cpu": Column("CPU", 9, _cpu(5), 2), "memory": Column("MEM", 8, _memory(0, True), 2),
    "disk": Column("DISK", 8, _disk(0, True), 2), **_FIXED,
}
_SMALL = {"name": Column("NAME", 12, _name, 2), "status": Column("STATUS", 16, _status, 2),
          "cpu": Column("CPU", 4, _cpu(0), 0)}
COLUMNS = tuple(_FULL)
"""All there are."""
_USUAL = (
    (_FULL, ("name", "status", "cpu", "memory", "disk", "ssh", "up")),
    (_MIDDLE, ("name", "status", "cpu", "memory", "disk", "up")),
    (_NARROW, ("name", "status", "cpu", "memory", "disk", "up")),
)


def columns(cells: int, names: Sequence[str] = (), wanted: Sequence[str] = ()) -> tuple[Column, ...]:
    """The columns that fit into `cells`; what is left over goes to names that need it, then to the status.

    `wanted` are the ones that the user chose, in that order; the last of them go when there is no room.
    """
    chosen = _chosen(cells, wanted) if wanted else _usual(cells)
    spare = max(0, cells - total(chosen))
    longest = max((len(name) + 4 for name in names), default=0)
    name_cells = next((each.cells for each in chosen if each.title == "NAME"), 0)
    wider_name = min(spare, max(0, longest - name_cells))
    wider = {"NAME": wider_name, "STATUS": min(12, spare - wider_name)}
    return tuple(_widen(each, wider.get(each.title, 0)) for each in chosen)


def _usual(cells: int) -> tuple[Column, ...]:
    sets = (_set(looks, names) for looks, names in _USUAL)
    return next((each for each in sets if total(each) <= cells), _set(_SMALL, tuple(_SMALL)))


def _chosen(cells: int, wanted: Sequence[str]) -> tuple[Column, ...]:
    named = wanted if "name" in wanted else ("name", *wanted)
    sets = [_set(looks, named) for looks in (_FULL, _MIDDLE, _NARROW, {**_NARROW, **_SMALL})]
    found = next((each for each in sets if total(each) <= cells), sets[-1])
    while len(found) > 1 and total(found) > cells:
        found = tuple(each for each in found if each is not _last(found))
    return found


def _last(chosen: Sequence[Column]) -> Column:
    return [each for each in chosen if each.title != "NAME"][-1]


def _set(looks: Mapping[str, Column], names: Sequence[str]) -> tuple[Column, ...]:
    """The looks of these columns; nothing stands after the last one."""
    *most, last = (replace(looks[name], name=name) for name in names)
    return (*most, replace(last, gap=0))


def _widen(column: Column, cells: int) -> Column:
    return replace(column, cells=column.cells + cells)


def total(chosen: Sequence[Column]) -> int:
    """Cells of a row."""
    return CURSOR + sum(each.cells + each.gap for each in chosen)


def head(chosen: Sequence[Column], sort: str = "", backwards: bool = False) -> Line:
    """The titles; the one that the list is sorted by is marked."""
    spans: list[tuple[str, str]] = [(" " * CURSOR, "")]
    for each in chosen:
        here = (sort or ("name" if backwards else "")) == each.name
        title = f"{each.title} {'▴' if backwards else '▾'}" if here else each.title
        spans.append((title.ljust(each.cells + each.gap), "dim" if here else "faint"))
    return tuple(spans)


def column_at(chosen: Sequence[Column], cell: int) -> str:
    """The column whose title is there, for the mouse; empty when there is none."""
    place = CURSOR
    for each in chosen:
        place += each.cells + each.gap
        if CURSOR <= cell < place:
            return each.name
    return ""


def group_head(chosen: Sequence[Column], data: Head, *, cursor: bool, focused: bool = True) -> Line:
    """`▾ web  3 running of 5`, with a thin line to the end."""
    cells = total(chosen)
    mark = ("▌" if cursor else " ", "accent-key" if focused else "faint")
    left: Line = (mark, ("✓" if data.marked else " ", "accent-key bold"), ("▸ " if data.folded else "▾ ", "faint"),
                  *data.title)
    rest = cells - width(left) - 2
    return (*cut(left, cells), (f"  {'─' * rest}" if rest > 2 else "", "hairline"))


def row(chosen: Sequence[Column], data: Row, *, cursor: bool, focused: bool = True) -> Line:
    """One instance; the mark on the left shows where the cursor is."""
    mark = ("▌" if cursor else " ", "accent-key" if focused else "faint")
    spans: list[tuple[str, str]] = [mark, ("✓" if data.marked else " ", "accent-key bold"), (" " * (CURSOR - 2), "")]
    for column in chosen:
        cell = pad(column.draw(data, column.cells), column.cells)
        spans += [(text, f"{marks} bold") if cursor and column.title == "NAME" else (text, marks)
                  for text, marks in cell]
        spans.append((" " * column.gap, ""))
    return tuple(spans)


def empty(hidden: int = 0) -> tuple[Line, ...]:
    """What an empty list says."""
    if hidden:
        return ((("   nothing to show", "text-bright"),), ((f"   {plural(hidden, 'instance')} hidden", "dim"),))
    return ((("   no instances yet", "text-bright"),),
            (("   ", ""), (key("new"), "accent-key bold"), (" makes one from a template", "dim")))
