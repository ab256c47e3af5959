"""Durations as Go writes them: `10m0s`, `1h5s`, `300ms`."""

from __future__ import annotations

import re

from limacore.errors import UsageError

_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str) -> float:
    """Seconds of a duration; 0 for `0` or a negative one. Raises UsageError."""
    positive = text.removeprefix("+")
    if positive in ("0", "-0") or positive.startswith("-"):
        return 0.0
    parts = _PART.findall(positive)
    if not parts or "".join(number + unit for number, unit in parts) != positive:
        raise UsageError(f"`{text}` is not a duration", hint="write it like 90s, 10m or 1h30m")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
