"""Programs called `limactl-NAME`: further commands, and schemes of template locators (`limactl-url-SCHEME`).

Where they are looked for, and their descriptions: as Lima 2.x does.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

_PREFIX = "limactl-"
_DESCRIPTION = re.compile(rb"<limactl-desc>(.*?)</limactl-desc>", re.DOTALL)
_READ = 64 * 1024
_BUNDLED = Path(__file__).parents[2] / "libexec"


class Plugin(Struct, frozen=True):
    """A program: `description` is empty when its text names none."""

    name: str
    path: str
    description: str = ""


def search_path() -> tuple[str, ...]:
    """Directories in which plugins are looked for, which is also the PATH that they get."""
    own = Path(sys.argv[0] or sys.executable)
    called = own.parent if own.parent != Path() else None
    places = [str(called.absolute())] if called else []
    real = str(own.resolve().parent)
    if real not in places:
        places.append(real)
    places += os.environ.get("PATH", "").split(os.pathsep)
    prefix = own.resolve().parent.parent
    for below in ("libexec/lima", "lib/lima"):
        if _has_entries(prefix / below):
            places.append(str(prefix / below))
    return tuple(place for place in places if place)


def _has_entries(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False


def discover() -> tuple[Plugin, ...]:
    """All plugins by name; of two with one name the first on the search path."""
    found: dict[str, Plugin] = {}
    for path in _programs():
        name = path.name.removeprefix(_PREFIX)
        found.setdefault(name, Plugin(name, str(path), description(path) or ""))
    return tuple(found[name] for name in sorted(found))


def find(name: str) -> Plugin | None:
    """The plugin of that name, or None; what comes with us is taken when there is no other."""
    found = next((each for each in discover() if each.name == name), None)
    own = _BUNDLED / f"{_PREFIX}{name}"
    return found or (Plugin(name, str(own), description(own) or "") if os.access(own, os.X_OK) else None)


def remarks() -> Iterator[str]:
    """What `--debug` tells about each program found."""
    for path in _programs():
        text = description(path)
        if text is None:
            yield f"Plugin {path.name}: no <limactl-desc> found in script"
        elif text:
            yield f"Plugin {path.name}: extracted description: `{text}`"


def _programs() -> Iterator[Path]:
    for folder in dict.fromkeys(search_path()):
        try:
            entries = sorted(entry.name for entry in os.scandir(folder) if entry.name.startswith(_PREFIX))
        except OSError:
            continue
        for name in entries:
            path = Path(folder) / name
            if path.is_file() and os.access(path, os.X_OK):
                yield path


def description(path: Path) -> str | None:
    """The description in a script; None when a script has none, empty for what is no script."""
    try:
        with path.open("rb") as file:
            text = file.read(_READ)
    except OSError:
        return ""
    if not text.startswith(b"#!"):
        return ""
    found = _DESCRIPTION.search(text)
    return found.group(1).decode(errors="replace").strip() if found else None
