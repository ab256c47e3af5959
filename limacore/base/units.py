"""Sizes as Lima reads and prints them: every unit is a power of 1024."""

from __future__ import annotations

import re

from limacore.errors import UsageError

_SIZE = re.compile(r"(\+?[0-9_]*\.?[0-9_]*(?:[eE][+-]?[0-9]+)?) ?([a-zA-Z]*)")
_TOO_LARGE = 1 << 63
_NAMES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_POWERS = {"": 0, "b": 0} | {
    letter + ending: power for power, letter in enumerate("kmgtp", 1) for ending in ("", "b", "ib")
}


def parse_size(text: str) -> int:
    """Bytes of a size such as `4GiB`, `4GB`, `4g` (all the same) or `1024`; raises UsageError."""
    match = _SIZE.fullmatch(text)
    power = _POWERS.get(match.group(2).lower()) if match else None
    if match is None or power is None:
        raise _bad_size(text)
    try:
        size = int(float(match.group(1).replace("_", "")) * 1024**power)
    except (ValueError, OverflowError):
        raise _bad_size(text) from None
    if size >= _TOO_LARGE:
        raise _bad_size(text)
    return size


def _bad_size(text: str) -> UsageError:
    return UsageError(f"`{text}` is not a size", hint="write a number and a unit, such as 4GiB or 512MiB")


def format_size(size: int) -> str:
    """`size` bytes as `4GiB`, `3.875GiB`, `0B`: four significant digits, no blank."""
    number = float(size)
    for name in _NAMES:
        if number < 1024 or name == _NAMES[-1]:
            return f"{number:.4g}{name}"
        number /= 1024
    return f"{size}B"
