"""Go's literals: numbers, characters, strings."""

from __future__ import annotations

import re
from typing import Any

from limacore.base.goquote import quoted

_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.?))", re.S
)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}
_INTEGER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|0[0-7_]*|[1-9][0-9_]*)")
_FLOAT = re.compile(r"[+-]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?")
_BIGGEST = (1 << 63) - 1


class BadLiteral(ValueError):
    """The text is no literal."""


def number(text: str) -> int | float:
    """An integer or a float; `1e3` is the float."""
    if len(text) > 400:
        raise BadLiteral("bad number syntax: too long")
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return float(text.replace("_", ""))
    raise BadLiteral(f"bad number syntax: {quoted(text)}")


def _integer(text: str) -> int:
    plain = text.replace("_", "")
    digits = plain.lstrip("+-")
    octal = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
    value = int(digits, 8 if octal else 0) * (-1 if plain.startswith("-") else 1)
    if not -_BIGGEST - 1 <= value <= _BIGGEST:
        raise BadLiteral(f"integer overflow: {quoted(text)}")
    return value


def character(text: str) -> int:
    """The code point of `'x'`."""
    inner = _unescaped(text[1:-1], text)
    if len(inner) != 1:
        raise BadLiteral(f"malformed character constant: {text}")
    return ord(inner)


def unquoted(text: str) -> str:
    """The value of a string in double quotes or back-quotes."""
    return text[1:-1].replace("\r", "") if text[0] == "`" else _unescaped(text[1:-1], text)


def _unescaped(inner: str, whole: str) -> str:
    def plain(match: re.Match[str]) -> Any:
        simple, byte, short, long, octal, other = match.groups()
        if other is not None:
            raise BadLiteral(f"invalid syntax: {whole}")
        if simple is not None:
            return _SIMPLE[simple]
        code = int(octal, 8) if octal else int(byte or short or long, 16)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF or (octal and code > 255):
            raise BadLiteral(f"invalid syntax: {whole}")
        return chr(code)

    return _ESCAPE.sub(plain, inner)
