"""Programs called `lima-driver-NAME`: further drivers of Lima 2.x, and where they are looked for.

They speak gRPC, which limatui does not; they are found so that they can be named.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_PREFIX = "lima-driver-"
VARIABLE = "LIMA_DRIVERS_PATH"
"""Files and directories that are looked at before all others, with the system's separator between them."""


def discover(environment: Mapping[str, str] | None = None, prefixes: Iterable[Path] | None = None) -> dict[str, Path]:
    """Name -> program, sorted by name; of two with one name the first that is found."""
    given = os.environ if environment is None else environment
    found: dict[str, Path] = {}
    for path in _programs(places(given.get(VARIABLE, ""), _own_prefixes() if prefixes is None else prefixes)):
        found.setdefault(path.name.removeprefix(_PREFIX).removesuffix(".exe"), path)
    return dict(sorted(found.items()))


def find(name: str) -> Path | None:
    """The external driver called `name`, or None."""
    return discover().get(name)


def places(listed: str, prefixes: Iterable[Path]) -> tuple[Path, ...]:
    """Where programs are looked for, in order; without doubles."""
    own = [prefix / below for prefix in prefixes for below in ("libexec/lima", "lib/lima")]
    return tuple(dict.fromkeys([*(Path(each) for each in listed.split(os.pathsep) if each), *own]))


def _own_prefixes() -> tuple[Path, ...]:
    called = Path(sys.argv[0] or sys.executable).absolute()
    return tuple(dict.fromkeys((called.parent.parent, called.resolve().parent.parent)))


def _programs(where: Iterable[Path]) -> Iterator[Path]:
    for place in where:
        for path in _within(place):
            if path.name.removeprefix(_PREFIX) not in ("", path.name) and path.is_file() and os.access(path, os.X_OK):
                yield path


def _within(place: Path) -> list[Path]:
    try:
        return sorted(place.iterdir()) if place.is_dir() else [place]
    except OSError:
        return []
