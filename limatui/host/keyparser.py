"""Keys pressed with alt that Textual takes for others, told apart: a guest may know both."""

from __future__ import annotations

from collections.abc import Iterable

from textual import events
from textual._xterm_parser import XTermParser


class KeyParser(XTermParser):
    """For alt with b, f, a digit, a sign, enter or backspace what was pressed goes along, as the key's character.

    The app knows alt+b as ctrl+left, since some terminals send the one for the other, and alt+1 as `¡`.
    """

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        pressed = f"\x1b{sequence}" if alt and len(sequence) == 1 else sequence
        for event in super()._sequence_to_key_events(sequence, alt):
            if len(pressed) == 2 and pressed[0] == "\x1b" and not event.key.startswith(("alt+", "shift+")):
                event.character = pressed
            yield event
