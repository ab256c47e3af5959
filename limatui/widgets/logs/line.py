"""A line of a log as marked text: colours that it carries or that its level means, everything else made harmless."""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from limatui.ink import Line, Span
from limatui.logs.levels import ERROR, WARNING, level_of
from limatui.logs.pattern import pattern
from limatui.sanitize import log_line, sanitize_line
from limatui.widgets.logs.file import LineAt

_SGR = re.compile(r"\x1b\[([0-9;:]*)m")
_COLORS = ("faint", "bad", "running", "warn", "number", "protected", "number", "text-bright")
_LEVELS = {
    "trace": "faint", "debug": "faint", "info": "dim", "warning": "warn", "warn": "warn", "error": "bad",
    "fatal": "bad bold", "panic": "bad bold",
}
_TEXT_LEVELS = {WARNING: "warn", ERROR: "bad"}
_KNOWN = ("time", "level", "msg")
_REPEATED = {"portForward": 1, "sshLocalPort": 2}
_HIT = "reverse"


@lru_cache(maxsize=4096)
def shown(line: LineAt, json: bool, clock: bool = True) -> Line:
    """The line as it is drawn; `clock` begins JSON with its time."""
    text = line.data.decode("utf-8", "replace")
    return (_from_json(text, clock) if json else None) or _from_terminal(text)


@lru_cache(maxsize=1024)
def written(line: LineAt) -> Line:
    """The line as it is in the file, as far as that can be shown."""
    return ((sanitize_line(line.data.decode("utf-8", "replace")), ""),)


def record_of(line: LineAt) -> dict[str, Any] | None:
    """The line as an object of JSON."""
    try:
        record = msgspec.json.decode(line.data.decode("utf-8", "replace"))
    except (msgspec.DecodeError, UnicodeError):
        return None
    return record if isinstance(record, dict) else None


def fields(record: dict[str, Any], path: str = "") -> list[tuple[str, str]]:
    """Every value of an object of JSON with its path, texts line by line."""
    found: list[tuple[str, str]] = []
    for key, value in record.items():
        name = f"{path}{log_line(str(key))}"
        if isinstance(value, dict) and value:
            found += fields(value, f"{name}.")
        else:
            told = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            lines = told.splitlines() or [""]
            found += [(name if at == 0 else "", log_line(part)) for at, part in enumerate(lines)]
    return found


def _from_terminal(text: str) -> Line:
    """Text meant for a terminal: after a carriage return the last segment counts; colours are kept."""
    marks, spans, at = "", [], 0
    last = text.rstrip("\r\n").rsplit("\r", 1)[-1]
    for match in _SGR.finditer(last):
        spans.append((log_line(last[at : match.start()]), marks))
        marks, at = _sgr(match.group(1), marks), match.end()
    if not at:
        marks = _TEXT_LEVELS.get(level_of(last.encode("utf-8", "replace"), False), "")
    spans.append((log_line(last[at:]), marks))
    return tuple(span for span in spans if span[0])


def _sgr(parameters: str, marks: str) -> str:
    words = set(marks.split())
    for code in re.split("[;:]", parameters):
        number = int(code) if code.isdigit() else 0
        if number in (38, 48, 58):
            # Extended colours have arguments that would be read as codes of their own.
            break
        if number == 0:
            words.clear()
        elif number == 1:
            words.add("bold")
        elif 30 <= number <= 37 or 90 <= number <= 97:
            words = (words & {"bold"}) | {_COLORS[number % 10]}
        elif number == 39:
            words &= {"bold"}
    return " ".join(sorted(words))


def _from_json(text: str, clock: bool) -> Line | None:
    try:
        record = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return None
    if not isinstance(record, dict):
        return None
    when: Line = ((f"{_clock(record.get('time'))}  ", "faint"),) if clock else ()
    if isinstance(record.get("status"), dict):
        return (*when, *_event(record))
    return (*when, *_message(record)) if "msg" in record else None


def _message(record: dict[str, Any]) -> Line:
    level = str(record.get("level", ""))
    mark = _LEVELS.get(level, "dim")
    spans: list[Span] = [(f"{log_line(level):<8}", mark)]
    spans.append((log_line(str(record["msg"])), mark if mark.startswith(("warn", "bad", "faint")) else ""))
    spans += [(f"  {log_line(str(key))}={log_line(str(value))}", "faint") for key, value in record.items()
              if key not in _KNOWN]
    return tuple(spans)


def _event(record: dict[str, Any]) -> Line:
    """An event of the host agent: what it says, without what is empty; what each repeats comes last."""
    spans: list[Span] = []
    for name, value in sorted(record["status"].items(), key=lambda item: _REPEATED.get(item[0], 0)):
        if value not in (False, "", None, [], {}):
            mark = "faint" if name == "sshLocalPort" else "number"
            spans += [(log_line(str(name)), mark), (f" {log_line(_told(value))}   ", mark.replace("number", ""))]
    return tuple(spans) or (("-", "faint"),)


def _told(value: object) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{part} s" if key == "seconds" else str(part) for key, part in value.items() if part != "")
    return "" if value is True else str(value)


def _clock(time: object) -> str:
    """The time of the day here, as in merged logs."""
    try:
        return datetime.fromisoformat(str(time)).astimezone().strftime("%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return log_line(str(time or "-"))[:8].ljust(8)


def shifted(line: Line, cells: int) -> Line:
    """The line without its first `cells` characters."""
    spans = []
    for text, marks in line:
        if cells < len(text):
            spans.append((text[cells:], marks))
        cells = max(0, cells - len(text))
    return tuple(spans)


def with_hits(line: Line, sought: str) -> Line:
    """The line with every place of what is sought reversed."""
    text = "".join(part for part, _ in line)
    places = pattern(sought).hits(text) if sought else []
    return tuple(_cut_hits(line, places)) if places else line


def _cut_hits(line: Line, places: list[tuple[int, int]]) -> list[Span]:
    """Cut at the borders of the places; they do not overlap, so between two borders is a place or none."""
    borders = [at for place in places for at in place]
    spans: list[Span] = []
    at = 0
    for text, marks in line:
        end, number = at + len(text), bisect_right(borders, at)
        while at < end:
            stop = min(end, borders[number]) if number < len(borders) else end
            if stop > at:
                spans.append((text[at - end + len(text) : stop - end + len(text)],
                              f"{marks} {_HIT}".strip() if number % 2 else marks))
            at, number = stop, number + 1
    return spans
