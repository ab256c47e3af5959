"""Text as Go's messages quote it: `%q` in double quotes, `%#q` in back-quotes where that can be done."""

from __future__ import annotations

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t",
            "\v": "\\v"}
_NOT_RAW = frozenset("`\x7f\ufeff")


def quoted(text: str) -> str:
    """A string as `%q` writes it."""
    return '"' + "".join(_escaped(char) for char in text) + '"'


def ticked(text: str) -> str:
    """A string as `%#q` writes it: `` `text` `` unless it holds a back-quote or a control character."""
    plain = all(char not in _NOT_RAW and (char >= " " or char == "\t") and not 0xD800 <= ord(char) <= 0xDFFF
                for char in text)
    return f"`{text}`" if plain else quoted(text)


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as Python carries it
        return f"\\x{code - 0xDC00:02x}"
    if char.isprintable():
        return char
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
