"""Log lines of a host agent: JSON objects with sorted keys on stderr, which is `ha.stderr.log`."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from datetime import UTC, datetime

LEVELS = ("trace", "debug", "info", "warning", "error", "fatal")


class JsonLog:
    """Writes log lines to a file descriptor; callable as `log(level, message)` like `drivers.base.Log`."""

    def __init__(self, fd: int = 2, least: str = "debug") -> None:
        self._fd = fd
        self._least = LEVELS.index(least)

    def __call__(self, level: str, message: str, **extra: object) -> None:
        """Write one line; `extra` keys stand beside level, msg and time. Unknown levels count as error."""
        rank = LEVELS.index(level) if level in LEVELS else LEVELS.index("error")
        if rank >= self._least:
            write(self._fd, encode(level, message, time.time(), **extra))


def write(fd: int, line: bytes) -> None:
    """Write a line; it is lost when the disk is full, since the machine that it tells of goes on."""
    with contextlib.suppress(OSError):
        os.write(fd, line + b"\n")


class _Captured(logging.Handler):
    """What libraries log; their warnings are details to us, since what matters is raised as well."""

    def __init__(self, log: JsonLog) -> None:
        super().__init__(logging.INFO)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        level = "warning" if record.name == "asyncio" else "debug"
        self._log(level, f"{record.name}: {self.format(record)}")


def capture_libraries(log: JsonLog) -> None:
    """Send what libraries log into `log`, so that each line of the file is JSON."""
    logging.getLogger().addHandler(_Captured(log))


def encode(level: str, message: str, seconds: float, **extra: object) -> bytes:
    """One log line without its newline."""
    fields: dict[str, object] = {**extra, "level": level, "msg": message, "time": rfc3339(seconds)}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), default=str, ensure_ascii=True)
    return text.encode()


def rfc3339(seconds: float) -> str:
    """A time with the local offset and whole seconds; `Z` where that is UTC."""
    return _local(seconds).isoformat(timespec="seconds").replace("+00:00", "Z")


def rfc3339_nano(nanoseconds: int) -> str:
    """A time with the local offset and up to nine decimals, trailing zeros cut, as Go prints it."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    moment = _local(seconds)
    fraction = f"{rest:09d}".rstrip("0")
    offset = moment.isoformat(timespec="seconds")[19:].replace("+00:00", "Z")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{'.' if fraction else ''}{fraction}{offset}"


def parse_time(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time; 0.0 when it is none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def _local(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).astimezone()
