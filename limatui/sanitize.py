"""Text of guests, disks and logs made harmless: nothing that passes here can steer the user's terminal.

Textual prints raw control characters from any text it is given, so every string that a guest or a file controls
comes through here before it reaches a widget.
"""

from __future__ import annotations

import re

_ZERO_WIDTH = "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f" \
              "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_HARMFUL = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_ZERO_WIDTH}]")
_IS_BIDI = re.compile(f"[{_BIDI}]")
_TAB = 8

_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI
    r"|(?:\x1b[\]P^_X]|[\x9d\x90\x9e\x9f\x98])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS, PM, APC, SOS
    r"|\x1b[ -/]*[0-~]"  # two and three letter escapes
)


def _visible(match: re.Match[str]) -> str:
    char = match.group()
    code = ord(char)
    if char == "\n":
        return char
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if code in (0x2028, 0x2029):
        return "\u2424"
    if code < 0xA0 or 0xD800 <= code <= 0xDFFF or _IS_BIDI.match(char):
        return "\ufffd"
    return ""


def sanitize(text: str) -> str:
    """Several lines: newlines stay, tabs are expanded, controls become visible signs, zero-width characters go."""
    if _HARMFUL.search(text) is None:
        return text
    return _HARMFUL.sub(_visible, text.replace("\r\n", "\n").expandtabs(_TAB))


def sanitize_line(text: str) -> str:
    """One line: as `sanitize`, with a newline shown as `␤`."""
    return sanitize(text).replace("\n", "\u2424")


def strip_sequences(text: str) -> str:
    """`text` without complete escape sequences; what remains must still pass `sanitize`."""
    if "\x1b" not in text and re.search("[\x80-\x9f]", text) is None:
        return text
    return _SEQUENCE.sub("", text)


def log_line(text: str) -> str:
    """One line of a log as people expect it: sequences gone, after carriage returns the last text, the rest safe."""
    shown = strip_sequences(text.rstrip("\r\n"))
    return sanitize_line(shown.rsplit("\r", 1)[-1])
