"""Log lines of the command line on stderr: the shapes that limactl prints (text, terminal text, JSON)."""

from __future__ import annotations

import json
import logging
import re
import sys
import time

from limacore.base.log import rfc3339
from limacore.base.notice import LOGGER
from limacore.cli.streams import tell

LEVELS = ("trace", "debug", "info", "warning", "error", "fatal", "panic")
_COLORS = {"trace": "2;37", "debug": "2;36", "info": "36", "warning": "33"}
_PLAIN = re.compile(r"[A-Za-z0-9\-._/@^+]*")
_PADDING = 44
_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


class Log:
    """Writes log lines at or above `level` in `style` `text` or `json`; a terminal gets colours and seconds."""

    def __init__(self, level: str = "info", style: str = "text") -> None:
        self.level = level
        self.style = style
        self._start = time.monotonic()

    def __call__(self, level: str, message: str, /, **fields: str) -> None:
        """Write one line; `time` among the fields (RFC 3339) takes the place of now."""
        if LEVELS.index(level) < LEVELS.index(self.level):
            return
        line = self._line(level, message, fields) + "\n"
        tell(line)

    def _line(self, level: str, message: str, fields: dict[str, str]) -> str:
        when = fields.pop("time", "") or rfc3339(time.time())
        if self.style == "json":
            data = {**fields, "level": level, "msg": message, "time": when}
            return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).translate(_HTML)
        extra = sorted(fields.items())
        if sys.stderr.isatty():
            return self._terminal(level, message, extra)
        pairs = [("time", when), ("level", level), *([("msg", message)] if message else []), *extra]
        return " ".join(f"{key}={quote(value)}" for key, value in pairs)

    def _terminal(self, level: str, message: str, extra: list[tuple[str, str]]) -> str:
        color = _COLORS.get(level, "31")
        seconds = int(time.monotonic() - self._start)
        label = f"\x1b[{color}m{level[:4].upper()}\x1b[0m[{seconds:04d}]"
        parts = "".join(f" \x1b[{color}m{key}\x1b[0m={quote(value)}" for key, value in extra)
        return f"{label} {visible(message.removesuffix(chr(10))):<{_PADDING}} {parts}"


class Relay(logging.Handler):
    """Shows what the engine tells (`base.notice`) as lines of a log."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.DEBUG)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        fields = getattr(record, "fields", {})
        self._log(record.levelname.lower(), record.getMessage(), **{key: str(each) for key, each in fields.items()})


def show_notices(log: Log) -> None:
    """From now on notices of the engine become lines of this log, and of no other."""
    for handler in [each for each in LOGGER.handlers if isinstance(each, Relay)]:
        LOGGER.removeHandler(handler)
    LOGGER.addHandler(Relay(log))


def visible(text: str, kept: str = "\n\t") -> str:
    """Text of guests and files with control characters made visible: nothing reaches the terminal as a command."""
    return "".join(char if char in kept or char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def quote(value: str) -> str:
    """A logfmt value: bare when plain, else in double quotes with escapes."""
    if _PLAIN.fullmatch(value):
        return value
    return json.dumps(visible(value, "\n\t\r"), ensure_ascii=False).replace("\\\\x", "\\x")
