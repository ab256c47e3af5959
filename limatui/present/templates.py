"""Templates as the gallery and the form show them. All pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from limacore.model.template import TemplateInfo
from limatui.ink import Line, Span, cut, fit
from limatui.sanitize import sanitize_line
from limatui.widgets.editor.keydoc import wrapped

_LABEL = 10
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


def matching(infos: Sequence[TemplateInfo], query: str, *, blocks: bool = False) -> tuple[TemplateInfo, ...]:
    """Those with all words of the query in name or description; building blocks only when asked for.

    Names that begin with the query come first, then names that hold it.
    """
    words = query.lower().split()
    found = [each for each in infos if (blocks or not each.hidden) and all(word in _haystack(each) for word in words)]
    return tuple(sorted(found, key=lambda each: _rank(each, query.lower().strip())))


def _haystack(info: TemplateInfo) -> str:
    return f"{info.name} {info.description} {'own' if info.own else ''}".lower()


def _rank(info: TemplateInfo, query: str) -> int:
    name = info.name.lower()
    return 0 if name == query else 1 if name.startswith(query) else 2 if query in name else 3


def name_width(cells: int) -> int:
    """Columns for the names."""
    return max(18, min(34, cells // 3 + 4))


def titles(cells: int) -> Line:
    """The names of the columns."""
    return (("  NAME".ljust(name_width(cells) + 4) + "DESCRIPTION", "faint"),)


def row(info: TemplateInfo, cells: int) -> Line:
    """One template: its name, whether it is the user's own, what it is."""
    name = name_width(cells)
    own: Span = ("◆ ", "protected") if info.own else ("· ", "faint") if info.hidden else ("  ", "")
    return cut((("  ", ""), (fit(sanitize_line(info.name), name), "dim" if info.hidden else ""), own,
                (sanitize_line(info.description), "dim")), cells)


def about(info: TemplateInfo, cells: int) -> list[Line]:
    """What stands above the text: description, what it composes, where it lies, the command."""
    lines: list[Line] = [((sanitize_line(info.name), "bold"), ("  ◆ your own" if info.own else "", "protected"),
                          ("  a building block" if info.hidden else "", "faint"))]
    lines += wrapped(sanitize_line(info.description), cells, "dim")
    lines.append(())
    for number, base in enumerate(info.bases):
        lines.append(_label("" if number else "composes", (sanitize_line(base), "")))
    lines.append(_label("file", (sanitize_line(info.location) or "comes with limatui", "dim")))
    if not info.hidden:
        lines.append(_label("command", (command(info), "dim")))
    return [cut(each, cells) for each in lines]


def _label(name: str, *value: Span) -> Line:
    return ((name.ljust(_LABEL), "faint"), *value)


def command(info: TemplateInfo) -> str:
    """The equivalent command line."""
    return f"limatui start template:{info.name}"


def copy_name(info: TemplateInfo, infos: Sequence[TemplateInfo]) -> str:
    """A free name for a copy."""
    taken = {each.name for each in infos}
    folder, _, last = info.name.rpartition("/")
    lead = f"{folder}/" if folder else ""
    names = (f"{lead}my-{last}{number or ''}" for number in range(len(infos) + 1))
    return next(name for name in names if name not in taken)


def header(infos: Sequence[TemplateInfo], seen: int, blocks: bool) -> tuple[Line, Line]:
    """How many there are, how many of them are shown."""
    shown = sum(blocks or not each.hidden for each in infos)
    own = sum(each.own for each in infos)
    count = f"{seen} of {shown}" if seen != shown else f"{shown}"
    left: Line = (("lima", "bold"), ("tui", "bold accent-key"), ("  templates", "dim"))
    return left, ((f"{count} templates", "dim"), (f"   {own} of your own" if own else "", "protected"))


def wrong_name(name: str) -> str:
    """Why a template cannot be called that; empty when it can."""
    if _NAME.fullmatch(name):
        return ""
    return f"`{name}` cannot be the name of a template: letters, digits, `.`, `_`, `-`, and `/` between folders"
