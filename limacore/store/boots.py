"""The last boots of each instance, in the user's state directory: an instance directory belongs to other tools too."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import msgspec
from msgspec import Struct

from limacore.base.files import write_atomic
from limacore.errors import LimaError
from limacore.model.boot import Boot
from limacore.paths import InstancePaths, state_dir

KEPT = 11
"""This boot, and ten to compare it with."""
_LARGEST = 1 << 20


class _Kept(Struct, frozen=True):
    """`dir` and `made` tell an instance from another one that had its place before."""

    dir: str
    made: float
    boots: tuple[Boot, ...] = ()


def read(paths: InstancePaths) -> tuple[Boot, ...]:
    """The boots that are known, newest first."""
    kept = _read(_file(paths))
    return kept.boots if kept and (kept.dir, kept.made) == (str(paths.dir), _made(paths)) else ()


def add(paths: InstancePaths, boot: Boot) -> None:
    """Remember a boot; a state directory that cannot be written costs the memory, not the boot."""
    kept = _Kept(str(paths.dir), _made(paths), (boot, *read(paths))[:KEPT])
    file = _file(paths)
    with contextlib.suppress(OSError, LimaError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(file, msgspec.json.encode(kept), 0o600)
        _sweep(file.parent)


def _read(file: Path) -> _Kept | None:
    try:
        with file.open("rb") as opened:
            return msgspec.json.decode(opened.read(_LARGEST), type=_Kept)
    except (OSError, msgspec.DecodeError):
        return None


def _sweep(folder: Path) -> None:
    """Forget the boots of instances that are gone."""
    for file in folder.glob("*.json"):
        kept = _read(file)
        if kept is None or not Path(kept.dir).is_dir():
            file.unlink(missing_ok=True)


def _file(paths: InstancePaths) -> Path:
    digest = hashlib.sha256(str(paths.dir).encode(errors="surrogateescape")).hexdigest()
    return state_dir() / "boots" / f"{digest[:24]}.json"


def _made(paths: InstancePaths) -> float:
    """When the instance was made: this file is written once."""
    with contextlib.suppress(OSError):
        return paths.lima_version.stat().st_mtime
    return 0.0
