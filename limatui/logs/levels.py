"""How serious a line of a log is: by its field in JSON, by its words in text."""

from __future__ import annotations

import re
from collections.abc import Sequence

LEVELS = ("debug", "info", "warning", "error")
DEBUG, INFO, WARNING, ERROR = range(4)
_JUDGED = 16 * 1024
_NAMES = {
    b"trace": DEBUG, b"debug": DEBUG, b"info": INFO, b"notice": INFO, b"warn": WARNING, b"warning": WARNING,
    b"err": ERROR, b"error": ERROR, b"critical": ERROR, b"fatal": ERROR, b"panic": ERROR,
}
_FIELD = re.compile(rb'(?<!\\)"level"\s*:\s*"(\w+)"')
_EVENT_ERRORS = re.compile(rb'(?<!\\)"errors"\s*:\s*\[\s*"')
_EVENT_DEGRADED = re.compile(rb'(?<!\\)"degraded"\s*:\s*true')
_COLOURS = re.compile(rb"\x1b\[[0-9;:]*m")
_WORDS = (
    (ERROR, re.compile(rb"\b(error|fail|fails|failed|failure|fatal|panic|oops|emerg|critical|segfault|traceback)\b"
                       rb"|\bbug:|out of memory")),
    (WARNING, re.compile(rb"\b(warn|warning|deprecated|timed out)\b")),
    (DEBUG, re.compile(rb"\b(debug|trace)\b")),
)
_JSON_SIGNS = (
    (b'"trace"', b'"debug"'), (), (b'"warn"', b'"warning"', b'"degraded"'),
    (b'"err"', b'"error"', b'"critical"', b'"fatal"', b'"panic"', b'"errors"'),
)
_TEXT_SIGNS = (
    (b"debug", b"trace"), (), (b"warn", b"deprecated", b"timed out"),
    (b"error", b"fail", b"fatal", b"panic", b"oops", b"emerg", b"critical", b"segfault", b"traceback", b"bug:",
     b"out of memory"),
)


def signs(level: int, json: bool) -> Sequence[bytes]:
    """What stands in every line of this level, in small letters: looking for it is faster than judging each line."""
    return (_JSON_SIGNS if json else _TEXT_SIGNS)[level]


def level_of(line: bytes, json: bool) -> int:
    """The level of a line by its first 16 KiB; one that says nothing of the kind is information."""
    # Looking through a megabyte would keep the interpreter, and with it the keys, for 50 ms.
    line = line[:_JUDGED]
    return _of_json(line) if json else _of_text(line)


def _of_json(line: bytes) -> int:
    if (field := _FIELD.search(line)) is not None:
        return _NAMES.get(field.group(1).lower(), INFO)
    if _EVENT_ERRORS.search(line):
        return ERROR
    return WARNING if _EVENT_DEGRADED.search(line) else INFO


def _of_text(line: bytes) -> int:
    words = _COLOURS.sub(b"", line).lower()
    return next((level for level, pattern in _WORDS if pattern.search(words)), INFO)
