"""The logs of an instance."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from limacore.model.logfile import LogFile
from limacore.paths import InstancePaths

_SERIAL = (("serial", "serial"), ("serialv", "serial virtio"), ("serialp", "serial pci"))
_EARLIER = 5


def log_files(paths: InstancePaths) -> tuple[LogFile, ...]:
    """Those that exist: this boot's first, earlier boots last."""
    known = [log for log in _known(paths) if log.path.exists()]
    seen = {log.path for log in known}
    serial = tuple(f"{kind}." for kind, _ in _SERIAL)
    others = [LogFile(path.stem, path) for path in sorted(paths.dir.glob("*.log"))
              if path not in seen and not path.name.startswith(serial)]
    earlier = [LogFile(f"serial {count} back", path) for count in range(1, _EARLIER + 1)
               if (path := paths.earlier(paths.serial_log, count)).exists()]
    return (*known, *others, *earlier)


def _known(paths: InstancePaths) -> Iterator[LogFile]:
    began = _began(paths)
    serial = [LogFile(label, paths.serial(kind, "log"), began=began) for kind, label in _SERIAL]
    yield serial[0]
    yield LogFile("host agent", paths.ha_stderr, json=True)
    yield LogFile("events", paths.ha_stdout, json=True)
    yield from serial[1:]


def _began(paths: InstancePaths) -> float:
    """When the machine of these logs was started: its pid file says so, afterwards the first word of its host agent."""
    try:
        return paths.driver_pid().stat().st_mtime
    except OSError:
        return _first_word(paths.ha_stderr)


def _first_word(log: Path) -> float:
    from limacore.hostlink import parse_log

    try:
        with log.open("rb") as file:
            return datetime.fromisoformat(parse_log(file.readline(4096)).time).timestamp()
    except (OSError, ValueError):
        return 0.0
