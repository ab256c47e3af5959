"""What a paste could do in a guest, what of it is shown before, and what of it is typed: pure."""

from __future__ import annotations

import re

from limatui.ink import Line
from limatui.present.words import plural

_SHOWN = 8
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Left out of every paste: they would act, not be text."""


def typed(text: str) -> str:
    """The text as keys: enter for each end of a line."""
    return _CONTROLS.sub("", text).replace("\r\n", "\n").replace("\n", "\r")


def is_risky(text: str) -> bool:
    """Whether it could run something by itself: several lines, or control characters."""
    return "\n" in text or "\r" in text or _CONTROLS.search(text) is not None


def risk(text: str, brackets: bool) -> str:
    """Why it is risky; in brackets the program in the guest knows that it is a paste."""
    said = []
    if "\n" in text or "\r" in text:
        lines = plural(len(text.splitlines()), "line")
        said.append(f"{lines}, {len(text.encode()):,} bytes: " + (
            "the guest asked to have pastes marked as such, and should run nothing" if brackets
            else "each line runs as if typed"))
    if controls := len(_CONTROLS.findall(text)):
        said.append(f"{plural(controls, 'control character')} will be left out")
    return "; ".join(said)


def preview(text: str) -> list[Line]:
    """The first lines as they will be typed."""
    lines = _CONTROLS.sub("", text).splitlines()
    shown: list[Line] = [((line, "text-bright"),) for line in lines[:_SHOWN]]
    return [*shown, ((f"… and {len(lines) - _SHOWN:,} more", "dim"),)] if len(lines) > _SHOWN else shown
