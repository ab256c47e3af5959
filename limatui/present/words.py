"""Numbers as the dashboard prints them: short, with their unit."""

from __future__ import annotations

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_RATES = ("B/s", "KB/s", "MB/s", "GB/s")
UNIT_LETTERS = {"B": "B", "KiB": "K", "MiB": "M", "GiB": "G", "TiB": "T", "PiB": "P"}


def _scale(size: float) -> int:
    power = 0
    while size >= 1000 and power < len(_UNITS) - 1:
        size /= 1024
        power += 1
    return power


def number(value: float) -> str:
    """`0`, `3.1`, `12`, `100`: two significant digits below ten, else none after the point."""
    if value >= 9.95:
        return f"{value:.0f}"
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") and (value >= 0.95 or not value) else text


def size(count: int) -> tuple[str, str]:
    """Bytes as number and unit: `("41", "GiB")`."""
    power = _scale(count)
    return number(count / 1024**power), _UNITS[power]


def part_of(used: int, total: int, *, short: bool = False) -> str:
    """`1.2/4 GiB`, in the unit of the total; `1.2/4G` when short."""
    power = _scale(total)
    unit = _UNITS[power]
    text = f"{number_of(used, power)}/{number(total / 1024**power)}"
    return text + (UNIT_LETTERS[unit] if short else f" {unit}")


def number_of(count: int, power: int) -> str:
    """Bytes in a given power of 1024, with one decimal below ten."""
    value = count / 1024**power
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def rate(per_second: float) -> tuple[str, str]:
    """Bytes per second as number and unit, powers of 1000: `("1.2", "MB/s")`."""
    power = 0
    while per_second >= 1000 and power < len(_RATES) - 1:
        per_second /= 1000
        power += 1
    return (f"{per_second:.1f}" if power and per_second < 9.95 else f"{per_second:.0f}"), _RATES[power]


def duration(seconds: float) -> str:
    """`41s`, `2h14m`, `6d`: at most two units."""
    whole = max(0, int(seconds))
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    if days:
        return f"{days}d{hours}h" if hours and days < 3 else f"{days}d"
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


def seconds(value: float) -> str:
    """`0.1 s`, `27.8 s`, `2m05s`."""
    return f"{value:.1f} s" if value < 100 else duration(value)


def plural(count: int, noun: str) -> str:
    """`1 finding`, `2 findings`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
