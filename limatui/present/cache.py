"""The download cache as lines, and what pruning would give back: pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from limacore.model.cache import CacheEntry
from limatui.ink import Line, cut, fit
from limatui.present.disks import amount
from limatui.present.words import duration, plural

_USERS = 3
"""Users named in a line; the others are a number."""
_USERS_CELLS = 30
_FIXED = 2 + 2 + 9 + 2 + 6 + 2 + 12 + 2
"""Cells of a line beside file name and users."""


def file_name(url: str) -> str:
    """The last part of a URL, without its query."""
    return url.split("?", 1)[0].rstrip("/").rsplit("/", 1)[-1] or url


def _name_cells(width: int) -> int:
    return max(16, min(72, width - _FIXED - _USERS_CELLS))


def titles(width: int) -> Line:
    """The names of the columns."""
    return ((f"  {'FILE':<{_name_cells(width)}}  {'SIZE':>9}  {'AGE':>6}  {'STATE':<12}  USED BY", "faint"),)


def line(each: CacheEntry, now: float, width: int) -> Line:
    """One download."""
    old = duration(now - each.changed_at) if each.changed_at else ""
    users, mark = used_by(each.used_by), "dim" if each.used_by else "faint"
    return cut((("  ", ""), (fit(file_name(each.url) or each.key, _name_cells(width)), ""),
                (f"  {amount(each.size):>9}", "number"), (f"  {old:>6}  ", "dim"), *state(each), ("  ", ""),
                (users, mark)), width)


def state(each: CacheEntry) -> Line:
    """Whether all of it is there, and whether a digest was verified."""
    if each.partial:
        return (("◐ ", "warn"), (fit("partial", 10), "warn"))
    if each.digest:
        return (("✓ ", "running"), (fit(each.digest.split(":", 1)[0], 10), "dim"))
    return (("· ", "faint"), (fit("unverified", 10), "faint"))


def used_by(users: Sequence[str]) -> str:
    """`default, build, template:k8s +2`."""
    if not users:
        return "nothing"
    more = f" +{len(users) - _USERS}" if len(users) > _USERS else ""
    return ", ".join(users[:_USERS]) + more


def details(each: CacheEntry, where: str, cells: int) -> tuple[Line, ...]:
    """What there is no room for in its line; `where` is its file as people write it."""
    lines: tuple[Line, ...] = (
        (("from         ", "faint"), (each.url or "a URL that is not recorded", "dim")),
        (("file         ", "faint"), (where, "dim")),
        (("digest       ", "faint"), (each.digest or "none was given, so none was verified", "dim")),
        (("used by      ", "faint"), (", ".join(each.used_by) or "nothing: pruning takes it", "dim")),
    )
    return tuple(cut(line, cells) for line in lines)


def goes(entries: Iterable[CacheEntry], *, keep_referred: bool) -> tuple[CacheEntry, ...]:
    """What pruning deletes."""
    return tuple(each for each in entries if not keep_referred or each.partial or not each.used_by)


def freed(entries: Iterable[CacheEntry], *, keep_referred: bool) -> int:
    """Bytes that pruning gives back."""
    return sum(each.size for each in goes(entries, keep_referred=keep_referred))


def summary(entries: Sequence[CacheEntry]) -> Line:
    """`6 downloads   1.7 GiB   560 MiB of it used by nothing`."""
    idle = freed(entries, keep_referred=True)
    spare: Line = (("   ", ""), (amount(idle), ""), (" used by nothing", "faint")) if idle else ()
    return ((plural(len(entries), "download"), "dim"), ("   ", ""), (amount(sum(each.size for each in entries)), ""),
            *spare)


def question(entries: Sequence[CacheEntry], *, keep_referred: bool) -> tuple[Line, ...]:
    """What pruning would take, the largest first."""
    gone = sorted(goes(entries, keep_referred=keep_referred), key=lambda each: -each.size)
    listed: list[Line] = [((f"{amount(each.size):>9}  ", "number"), (file_name(each.url) or each.key, ""),
                           (f"   {used_by(each.used_by)}" if each.used_by else "", "warn")) for each in gone[:12]]
    if len(gone) > 12:
        listed.append(((f"{'':>11}and {len(gone) - 12} more", "faint"),))
    words = "limatui prune --keep-referred" if keep_referred else "limatui prune"
    return (*listed, (), ((words, "faint"),))
