"""Disks as listed: additional disks of `_disks` and the main disk of each instance."""

from __future__ import annotations

from msgspec import Struct


class DataDisk(Struct, frozen=True):
    """A disk: sizes in bytes; `holder` is the instance that uses it, `holder_alive` whether that runs."""

    name: str
    dir: str
    size: int = 0
    allocated: int = 0
    format: str = "qcow2"
    holder: str = ""
    holder_alive: bool = False
    main: bool = False
    """True for the main disk of the instance `holder`."""
    error: str = ""
    """Why it is no disk that could be used."""
    holder_dir: str = ""
    """The directory that the lock names: it may be gone, or in another home."""
