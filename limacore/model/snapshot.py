"""Snapshots of a machine's disk, with or without its memory."""

from __future__ import annotations

from msgspec import Struct


class Snapshot(Struct, frozen=True):
    """One line of QEMU's table: `memory` in bytes of saved machine state (0: disk only), `clock` in seconds."""

    id: str
    tag: str
    memory: int = 0
    date: str = ""
    """`YYYY-MM-DD HH:MM:SS`, local time."""
    clock: float = 0.0
