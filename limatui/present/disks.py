"""Disks as lines, what may be done with them now, and what is wrong with what a user asks for: pure."""

from __future__ import annotations

from collections.abc import Sequence

from limacore.base.units import format_size, parse_size
from limacore.errors import LimaError
from limacore.model.disk import DataDisk
from limacore.model.instance import HostUsage
from limacore.paths import check_identifier
from limatui.ink import Line, cut, fit
from limatui.present.meters import meter
from limatui.present.words import plural, size

FORMATS = ("qcow2", "raw")
_NAME, _METER = 20, 12
_ROOMY = 96
"""Columns from which on there is room for a meter."""
_LOW = 0.05
"""Share of free space below which the host is short of it."""


def titles(width: int) -> Line:
    """The names of the columns."""
    gap = " " * (_METER + 2) if width >= _ROOMY else ""
    return ((f"  {'NAME':<{_NAME}}  {'SIZE':>9}  {'ALLOCATED':>9}  {gap}{'FORMAT':<7} USED BY", "faint"),)


def sort_key(disk: DataDisk, instance: str) -> tuple[bool, bool, str]:
    """The disks of the instance first, additional before main ones, then by name."""
    return disk.holder != instance or not instance, disk.main, disk.name


def key_of(disk: DataDisk) -> tuple[bool, str]:
    """What tells a disk from others: a main disk may have the name of an additional one."""
    return disk.main, disk.name


def amount(count: int) -> str:
    """`3.1 GiB`, or `-` for nothing."""
    number, unit = size(count)
    return f"{number} {unit}" if count else "-"


def line(disk: DataDisk, instance: str, width: int) -> Line:
    """One disk."""
    mine = bool(instance) and disk.holder == instance
    head: Line = (("  ", ""), (fit(disk.name or disk.holder, _NAME), "bold" if mine else ""))
    if disk.error:
        return cut((*head, ("  ✗ ", "bad"), (disk.error, "bad")), width)
    sizes = f"  {amount(disk.size):>9}  {amount(disk.allocated):>9}  "
    share = disk.allocated / disk.size if disk.size else 0.0
    bar = (*meter(share, _METER, "warn" if share > 0.9 else "number"), ("  ", "")) if width >= _ROOMY else ()
    middle: Line = ((sizes, "number" if mine else "dim"), *bar, (f"{disk.format:<7} ", "dim"))
    return cut((*head, *middle, *_holder(disk)), width)


def _holder(disk: DataDisk) -> Line:
    kind = "  main disk" if disk.main else ""
    if not disk.holder:
        return (("○ free", "faint"),)
    if disk.holder_alive:
        return (("● ", "running"), (disk.holder, ""), (kind, "faint"))
    state = kind if disk.main else "  lock left over"
    return (("○ ", "dim" if disk.main else "warn"), (disk.holder, "dim"), (state, "faint" if disk.main else "warn"))


def why_not(verb: str, disk: DataDisk | None) -> str:
    """Why a disk cannot be deleted, resized, unlocked or copied now; empty when it can."""
    if disk is None:
        return "no disk is selected"
    if verb == "copy":
        return ""
    if disk.main:
        return _main_disk(verb, disk)
    if disk.holder and disk.holder_alive:
        return f"{disk.name} is used by {disk.holder}, which runs: stop it first"
    if verb == "unlock":
        return "" if disk.holder else f"{disk.name} is free already"
    if verb == "delete" and disk.holder:
        return f"{disk.name} is locked by {disk.holder}, which does not run: u unlocks it"
    if verb == "resize" and disk.error:
        return f"{disk.name} cannot be read: {disk.error}"
    return ""


def _main_disk(verb: str, disk: DataDisk) -> str:
    whose = f"{disk.name or disk.holder} is the main disk of {disk.holder}"
    return {
        "delete": f"{whose}: it goes with its instance",
        "resize": f"{whose}: write a larger `disk` in its lima.yaml, it grows at the next start",
    }.get(verb, f"{whose}: no lock is kept for it")


def details(disk: DataDisk, where: str, cells: int) -> tuple[Line, ...]:
    """What there is no room for in its line; `where` is its directory as people write it."""
    lines: list[Line] = [(("directory    ", "faint"), (where, "dim"))]
    if not disk.main:
        lines.append((("in guests    ", "faint"), (f"/mnt/lima-{disk.name}", "dim"),
                      (f"   additionalDisks: [{disk.name}]", "faint")))
    reasons = dict.fromkeys(filter(None, (why_not("resize", disk), why_not("delete", disk))))
    lines += [(("now          " if number == 0 else " " * 13, "faint"), (reason, "dim"))
              for number, reason in enumerate(reasons)]
    return tuple(cut(each, cells) for each in lines)


def summary(disks: Sequence[DataDisk]) -> Line:
    """`7 disks   72 GiB allocated of 320 GiB`."""
    taken, whole = sum(disk.allocated for disk in disks), sum(disk.size for disk in disks)
    return ((plural(len(disks), "disk"), "dim"), ("   ", ""), (amount(taken), ""), (" of ", "faint"),
            (amount(whole), "dim"), (" allocated", "faint"))


def host_space(host: HostUsage, cells: int) -> Line:
    """What the file system of the Lima home has left."""
    if not host.disk_total:
        return ()
    low = host.disk_free < host.disk_total * _LOW
    used = 1 - host.disk_free / host.disk_total
    bar = (*meter(used, 16, "warn" if low else "number"), ("  ", "")) if cells >= 80 else ()
    return (("host  ", "faint"), *bar, (amount(host.disk_free), "warn" if low else ""), (" free of ", "faint"),
            (amount(host.disk_total), "dim"))


def wrong_name(name: str, taken: frozenset[str]) -> str:
    """What is wrong with the name of a new disk."""
    try:
        check_identifier(name)
    except LimaError as error:
        return f"the name: {error.hint or error.message}"
    return f"there is a disk {name} already" if name in taken else ""


def wrong_size(text: str, *, above: int = 0) -> str:
    """What is wrong with a size; `above` is the size in bytes that a disk has now."""
    try:
        wanted = parse_size(text)
    except LimaError as error:
        return f"the size: {error.hint or error.message}"
    if wanted < 1:
        return "the size: more than nothing, such as 10GiB"
    if wanted <= above:
        return f"the size: it has {format_size(above)} already, and disks only grow"
    return ""


def wrong(name: str, size: str, format: str, taken: frozenset[str]) -> str:
    """What is wrong with a disk to be made; empty when nothing is."""
    return (wrong_name(name, taken) or wrong_size(size)
            or ("" if format in FORMATS else "the format: qcow2 or raw"))


def command(name: str, size: str, format: str) -> str:
    """The equivalent command line."""
    extra = "" if format == "qcow2" else f" --format {format}"
    return f"limatui disk create {name} --size {size}{extra}"
