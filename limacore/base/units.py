"""Sizes as Lima reads and prints them: every unit is a power of 1024."""

from __future__ import annotations

import re

from limacore.base.goquote import quoted
from limacore.errors import UsageError

_FLOAT = re.compile(r"\+?(?:[0-9]+(?:_[0-9]+)*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LAST_OF_NUMBER = re.compile(r"[0-9. ](?=[^0-9. ]*\Z)")
_TOO_LARGE = 1 << 63
_NAMES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_POWERS = {letter: power for power, letter in enumerate("bkmgtp")}
_HINT = "write a number and a unit, such as 4GiB or 512MiB"


def parse_size(text: str) -> int:
    """Bytes of a size such as `4GiB`, `4GB`, `4g` (all the same) or `1024`; raises UsageError in limactl's words."""
    last = _LAST_OF_NUMBER.search(text)
    if last is None:
        raise UsageError(f"invalid size: '{text}'", hint=_HINT)
    number, suffix = text[:last.start() + (last.group() != " ")], text[last.end():]
    size = _number(number, text) * 1024 ** _power(suffix)
    if size >= _TOO_LARGE:
        raise UsageError(f"invalid size: '{text}'", hint="the largest size is just below 8EiB")
    return int(size)


def _number(text: str, whole: str) -> float:
    if _FLOAT.fullmatch(text.removeprefix("-")):
        value = float(text.replace("_", ""))
        if text.startswith("-") and value:
            raise UsageError(f"invalid size: '{whole}'", hint="a size is not negative")
        if value < float("inf"):
            return abs(value)
    reason = "value out of range" if _FLOAT.fullmatch(text) else "invalid syntax"
    raise UsageError(f"strconv.ParseFloat: parsing {quoted(text)}: {reason}", hint=_HINT)


def _power(suffix: str) -> int:
    lowered = suffix.lower() if len(suffix) <= 3 else suffix
    power = _POWERS.get(lowered[:1]) if lowered else 0
    endings = ("",) if lowered[:1] == "b" else ("", "b", "ib")
    if power is None or lowered[1:] not in endings:
        raise UsageError(f"invalid suffix: '{lowered}'", hint=_HINT)
    return power


def format_size(size: int) -> str:
    """`size` bytes as `4GiB`, `3.875GiB`, `0B`: four significant digits, no blank."""
    number = float(size)
    for name in _NAMES:
        if number < 1024 or name == _NAMES[-1]:
            return f"{number:.4g}{name}"
        number /= 1024
    return f"{size}B"
