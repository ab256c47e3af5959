"""The values that a configuration leads to, each with the file that it comes from. All pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from limacore.model.template import Effective
from limatui.ink import Line, Span, cut, fit

_ROOMY = 70
"""Columns from which on there is room for line numbers."""
_WHERE = 17
_QUIET = ("instance", "built in", "base")
Values = Mapping[tuple[str | int, ...], str]
LAYERS: Mapping[str, Span] = {
    "instance": ("here", "text-bright"), "override": ("override.yaml", "protected"),
    "default": ("default.yaml", "protected"), "base": ("its bases", "number"), "built in": ("built in", "faint"),
}


def path_text(path: Sequence[str | int]) -> str:
    """`portForwards[0].hostPort`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def values(found: Sequence[Effective]) -> Values:
    """What each path held, to compare with later."""
    return {each.path: each.value for each in found}


def matching(found: Sequence[Effective], query: str) -> tuple[Effective, ...]:
    """Those with all words of the query in path, value or layer."""
    words = query.lower().split()
    return tuple(each for each in found if all(word in _haystack(each) for word in words))


def _haystack(each: Effective) -> str:
    return f"{path_text(each.path)} {each.value} {layer(each)[0]}".lower()


def layer(each: Effective) -> Span:
    """The word for a layer, with its colour."""
    return LAYERS.get(each.layer, (each.layer, "protected"))


def row(each: Effective, cells: int, before: Values) -> Line:
    """One value in a list: path, value, where it comes from, what it was."""
    name = max(18, min(44, cells // 2 - 8))
    word, mark = layer(each)
    place = f":{each.line}" if each.line and cells >= _ROOMY else ""
    was = before.get(each.path)
    changed = f"was {was}" if was is not None and was != each.value else ""
    where = _WHERE if cells >= _ROOMY else _WHERE - 4
    room = cells - name - where - 4 - (len(changed) + 2 if changed else 0)
    return cut((("  ", ""), (fit(path_text(each.path), name), "dim" if each.layer == "built in" else ""), ("  ", ""),
                (fit(each.value, max(8, room)), _value_mark(each, before)), ("  ", ""), (f"{changed}  ", "warn") if
                changed else ("", ""), (word, mark), (place, "faint")), cells)


def _value_mark(each: Effective, before: Values) -> str:
    if before and before.get(each.path) != each.value:
        return "warn"
    return "dim" if each.layer == "built in" else "number"


def near(found: Sequence[Effective], path: Sequence[str | int], limit: int) -> tuple[Effective, ...]:
    """The field at the cursor first, then what else is written of its section, what other files bring, the rest."""
    top, field = path[:1], _keys(path)
    return tuple(sorted((each for each in found if each.path[:1] == tuple(top) or each.layer not in _QUIET),
                        key=lambda each: _distance(each, tuple(top), field))[:limit])


def _keys(path: Sequence[str | int]) -> tuple[str, ...]:
    return tuple(part for part in path if isinstance(part, str))


def _distance(each: Effective, top: tuple[str | int, ...], field: tuple[str, ...]) -> int:
    if field and _keys(each.path) == field:
        return 0
    if each.path[:1] != top:
        return 2
    return 3 if each.layer == "built in" else 1


def short(path: Sequence[str | int]) -> str:
    """A path without the list that it is in: `hostPort`."""
    items = [at for at, part in enumerate(path) if isinstance(part, int)]
    return path_text(path[items[-1] + 1:]) or path_text(path) if items else path_text(path)


def aside(found: Sequence[Effective], before: Values, width: int) -> list[Line]:
    """A few values beside the editor."""
    name = min(18, max((len(short(each.path)) for each in found), default=0))
    lines: list[Line] = []
    for each in found:
        word, mark = layer(each)
        was = before.get(each.path)
        changed = was is not None and was != each.value
        told: Span = (f"{word}, was {was}", "warn") if changed else (word, mark)
        room = max(6, width - name - 2 - len(told[0]))
        lines.append(cut(((fit(short(each.path), name), "dim"), (" ", ""), (fit(each.value, room), ""), (" ", ""),
                          told), width))
    return lines
