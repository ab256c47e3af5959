"""Signs for terminals that have few: the Linux console, whose font is that of the old PC, and those without UTF-8.

Every sign is replaced by one as wide, just before it is written.
"""

from __future__ import annotations

from collections.abc import Mapping

CONSOLE: Mapping[int, int] = str.maketrans(
    "●◐◆✗✖✓⟳…▏▎▍▸▶◂‖━╸╺▁▂▃▄▅▆▇⏎—–“”‘’┃−▾◑◷☾␤×",
    "•◙♦xx√@.│▌▌►►◄║══─·░░▒▒▓▓↵--\"\"''║-▼◘o)¶x")
"""By code point, to what every font of the console has."""
ASCII: Mapping[int, int] = str.maketrans(
    "●○◐◆✗✖✓⟳…▏▎▍▌▸▶◂▲▼‖━─╸╺│▁▂▃▄▅▆▇█⏎—–→←“”‘’≈×·±┃−▾◑◷☾␤↑↓",
    "*o@#xxv@.||||>><^v!=-=-|_..:::##<--><\"\"''~x.+|-v@o)$^v")
"""To what every terminal has."""


def for_terminal(term: str, encoding: str) -> Mapping[int, int]:
    """The signs to replace; none where all can be shown."""
    if encoding.lower().replace("-", "") != "utf8":
        return ASCII
    return CONSOLE if term == "linux" else {}
