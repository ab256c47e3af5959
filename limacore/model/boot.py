"""How long a boot took, step by step."""

from __future__ import annotations

from msgspec import Struct

from limacore.model.instance import Step


class Boot(Struct, frozen=True):
    """A boot that became ready: when it began (seconds since the epoch), how long it took, and its steps."""

    at: float
    seconds: float
    steps: tuple[Step, ...] = ()
    accel: str = ""
