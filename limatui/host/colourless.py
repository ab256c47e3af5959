"""What NO_COLOR leaves of the screen: no colour at all, not even greys; a text on a bright ground is reversed."""

from __future__ import annotations

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

_FAR = 0.3
"""How much brighter or darker than its surroundings a ground is that means something: a text cursor, a selection."""


class Colourless(LineFilter):
    """Bold, underlined and reversed text stays."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments without their colours."""
        return [Segment(text, _plain(style, background), control) if style else Segment(text, style, control)
                for text, style, control in segments]


@lru_cache(1024)
def _plain(style: Style, background: Color) -> Style:
    ground = style.bgcolor
    if ground is None or ground.is_default:
        return style.without_color
    far = abs(Color.from_rich_color(ground).brightness - background.brightness) > _FAR
    return style.without_color + Style(reverse=bool(style.reverse) != far)
