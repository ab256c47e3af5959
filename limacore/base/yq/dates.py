"""Operators on times, with layouts written as Go writes them (`2006-01-02`)."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from limacore.base.yq import node as nodes
from limacore.base.yq.evaluate import RFC3339, Scope, run, text_value
from limacore.base.yq.node import Node
from limacore.base.yq.parser import Tree
from limacore.errors import UsageError

_PARTS = {"2006": "%Y", "06": "%y", "January": "%B", "Jan": "%b", "01": "%m", "Monday": "%A", "Mon": "%a", "02": "%d",
          "15": "%H", "03": "%I", "04": "%M", "05": "%S", "PM": "%p", "MST": "%Z", "Z07:00": "%:Z", "-07:00": "%:z",
          "-0700": "%z", "1": "%-m", "2": "%-d", "3": "%-I", ".000": ".%f"}
_LAYOUT = re.compile("|".join(map(re.escape, sorted(_PARTS, key=len, reverse=True))))
_DURATION = re.compile(r"([-+]?)((?:[0-9]+(?:\.[0-9]*)?(?:ns|us|ms|h|m|s))+)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def written(moment: datetime, layout: str) -> str:
    """A time in a layout."""
    return _LAYOUT.sub(lambda found: _part(moment, _PARTS[found.group()]), layout)


def _part(moment: datetime, code: str) -> str:
    offset = moment.strftime("%z")
    if code in ("%:Z", "%:z"):
        return "Z" if code == "%:Z" and offset in ("", "+0000") else f"{offset[:3]}:{offset[3:5]}"
    if code.startswith("%-"):
        return moment.strftime("%" + code[2:]).lstrip("0")
    return f".{moment.microsecond // 1000:03}" if code == ".%f" else moment.strftime(code)


def read(text: str, layout: str) -> datetime:
    """The time that a text names, in UTC where it names no zone; raises UsageError."""
    try:
        if layout == RFC3339:
            moment = datetime.fromisoformat(text)
        else:
            codes = _LAYOUT.sub(lambda found: _PARTS[found.group()].replace("%-", "%").replace("%:", "%").replace(
                "%Z", "%z"), layout)
            moment = datetime.strptime(text, codes)
    except ValueError:
        raise UsageError(f"could not parse datetime of [{text}] using layout [{layout}]") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def shifted(text: str, duration: str, layout: str) -> str:
    """A time plus a duration such as `3h10m`."""
    found = _DURATION.fullmatch(duration)
    if found is None:
        raise UsageError(f"unable to parse duration [{duration}]: time: invalid duration \"{duration}\"")
    seconds = sum(float(amount) * _UNITS[unit] for amount, unit in
                  re.findall(r"([0-9]+(?:\.[0-9]*)?)(ns|us|ms|h|m|s)", found.group(2)))
    try:
        return written(read(text, layout) + timedelta(seconds=-seconds if found.group(1) == "-" else seconds), layout)
    except OverflowError:
        raise UsageError(f"the time {text} {duration} is out of range") from None


def _time(node: Node, text: str) -> Node:
    return nodes.replacing(node, Node(tag=nodes.resolve(text) if text[:1].isdigit() else "!!str", value=text))


def _now(tree: Tree, scope: Scope) -> list[Node]:
    return [Node(tag="!!timestamp", value=written(datetime.now(UTC), RFC3339)) for _ in scope.each()]


def _format(tree: Tree, scope: Scope) -> list[Node]:
    layout = text_value(tree.rhs, scope.reading())
    return [_time(node, written(read(node.value, scope.layout), layout)) for node in scope.nodes]


def _zone(tree: Tree, scope: Scope) -> list[Node]:
    name = text_value(tree.rhs, scope.reading())
    try:
        zone = ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise UsageError(f"could not load tz [{name}]: unknown time zone {name}") from None
    return [_time(node, written(read(node.value, scope.layout).astimezone(zone), scope.layout)) for node in scope.nodes]


def _from_unix(tree: Tree, scope: Scope) -> list[Node]:
    results = []
    for node in scope.nodes:
        seconds = nodes.number(node.value)
        if isinstance(seconds, str):
            raise UsageError(f"from_unix only works on numbers, found {node.tag} instead")
        try:
            moment = datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            raise UsageError(f"the time {node.value} is out of range") from None
        results.append(_time(node, written(moment, RFC3339)))
    return results


def _to_unix(tree: Tree, scope: Scope) -> list[Node]:
    return [nodes.replacing(node, nodes.scalar(int(read(node.value, scope.layout).timestamp())))
            for node in scope.nodes]


def _with_layout(tree: Tree, scope: Scope) -> list[Node]:
    if tree.rhs.name != ";":
        raise UsageError("must provide a date time format string and an expression, e.g. with_dtf(\"Monday\"; .a)")
    layout = text_value(tree.rhs.lhs, scope.reading())
    return run(tree.rhs.rhs, replace(scope, layout=layout))


OPERATORS = {"now": _now, "format_datetime": _format, "tz": _zone, "from_unix": _from_unix, "to_unix": _to_unix,
             "with_dtf": _with_layout}
