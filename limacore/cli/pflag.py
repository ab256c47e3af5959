"""Flags as limactl takes them (the syntax of Go's pflag): `--a=b`, `--a b`, `-ab`, `-a=b`; booleans take values by `=`.

The words of the errors are those that scripts know. Source: shared behaviour recorded from limactl 2.2.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from limacore.base.goquote import quoted
from limacore.base.gotime import parse_duration
from limacore.errors import UsageError

TRUE, FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")
LISTS = ("strings", "stringArray", "ipSlice", "stringToString")
_ZEROS: dict[str, Any] = {"bool": False, "int": 0, "uint16": 0, "float32": 0.0, "duration": 0.0}
_FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n|\Z)')
_INSIDE = re.compile(r'"(?:[^"]|"")*')
_INTEGER = re.compile(r"[+-]?(0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0[bB][01_]+|[0-9]+)")
_LONGEST = 200
"""Digits of a number that are looked at; any number of more is out of range."""
_FLOAT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|infinity)|nan", re.IGNORECASE)


class Flag(Struct, frozen=True):
    """One flag: `kind` as Go names it; `complete` names a source of candidates (`cli.completion`)."""

    name: str
    kind: str = "string"
    help: str = ""
    short: str = ""
    default: str = ""
    hidden: bool = False
    required: bool = False
    complete: str = ""

    @property
    def takes_word(self) -> bool:
        """Whether the next word is its value when none follows `=`."""
        return self.kind != "bool"

    def initial(self) -> Any:
        """The value when it is not given."""
        if self.kind in LISTS:
            return {} if self.kind == "stringToString" else ()
        return _convert(self, self.default) if self.default else _ZEROS.get(self.kind, "")


class Parsed(Struct):
    """Positionals, values of all flags, and the names of those that were given."""

    args: list[str]
    values: dict[str, Any]
    given: set[str]


def parse(words: Sequence[str], flags: Sequence[Flag], *, interspersed: bool = True) -> Parsed:
    """Take a command line apart; raises UsageError in pflag's words."""
    reading = _Reading(flags)
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            reading.args += rest
            break
        if len(word) < 2 or not word.startswith("-"):
            reading.args.append(word)
            if not interspersed:
                reading.args += rest
                break
        elif word.startswith("--"):
            reading.long(word, rest)
        else:
            reading.shorts(word, rest)
    return Parsed(reading.args, reading.values, reading.given)


class _Reading:
    def __init__(self, flags: Sequence[Flag]) -> None:
        self.by_name: Mapping[str, Flag] = {flag.name: flag for flag in flags}
        self.by_short = {flag.short: flag for flag in flags if flag.short}
        self.values: dict[str, Any] = {flag.name: flag.initial() for flag in flags}
        self.args: list[str] = []
        self.given: set[str] = set()

    def long(self, word: str, rest: list[str]) -> None:
        name, equals, value = word[2:].partition("=")
        if not name or name.startswith(("-", "=")):
            raise UsageError(f"bad flag syntax: {word}")
        flag = self.by_name.get(name)
        if flag is None:
            raise UsageError(f"unknown flag: --{name}")
        if not equals:
            if flag.takes_word and not rest:
                raise UsageError(f"flag needs an argument: --{name}")
            value = rest.pop(0) if flag.takes_word else "true"
        self.put(flag, value)

    def shorts(self, word: str, rest: list[str]) -> None:
        letters = word[1:]
        while letters:
            flag = self.by_short.get(letters[0])
            if flag is None:
                raise UsageError(f"unknown shorthand flag: '{letters[0]}' in -{letters}")
            if len(letters) > 2 and letters[1] == "=":
                return self.put(flag, letters[2:])
            if flag.takes_word:
                if len(letters) == 1 and not rest:
                    raise UsageError(f"flag needs an argument: '{letters}' in {word}")
                return self.put(flag, letters[1:] or rest.pop(0))
            self.put(flag, "true")
            letters = letters[1:]
        return None

    def put(self, flag: Flag, text: str) -> None:
        try:
            value = _convert(flag, text)
        except ValueError as error:
            shown = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
            raise UsageError(f'invalid argument {quoted(text)} for "{shown}" flag: {error}') from None
        if flag.kind in LISTS and flag.name in self.given:
            before = self.values[flag.name]
            value = {**before, **value} if isinstance(before, dict) else (*before, *value)
        self.values[flag.name] = value
        self.given.add(flag.name)


def _convert(flag: Flag, text: str) -> Any:
    return _CONVERSIONS[flag.kind](text)


def parse_bool(text: str) -> bool:
    """A boolean as Go's strconv reads it; raises ValueError in its words."""
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise ValueError(f"strconv.ParseBool: parsing {quoted(text)}: invalid syntax")


def _integer(text: str, low: int, high: int, function: str) -> int:
    if not _INTEGER.fullmatch(text) or "__" in text or (function == "ParseUint" and text[:1] in "+-"):
        raise ValueError(f"strconv.{function}: parsing {quoted(text)}: invalid syntax")
    digits = text.lstrip("+-")
    octal = len(digits) > 1 and digits[0] == "0" and digits[1] in "01234567_"
    value = int(digits.replace("_", ""), 8 if octal else 0) if len(digits) < _LONGEST else 1 << 999
    value = -value if text.startswith("-") else value
    if not low <= value <= high:
        raise ValueError(f"strconv.{function}: parsing {quoted(text)}: value out of range")
    return value


def _float32(text: str) -> float:
    if not _FLOAT.fullmatch(text):
        raise ValueError(f"strconv.ParseFloat: parsing {quoted(text)}: invalid syntax")
    value = float(text)
    if abs(value) > 3.4028235677973366e38 and value not in (float("inf"), float("-inf")):
        raise ValueError(f"strconv.ParseFloat: parsing {quoted(text)}: value out of range")
    return value


def _strings(text: str) -> tuple[str, ...]:
    """One line of CSV as Go's encoding/csv reads it; raises ValueError in its words."""
    text, at, fields = text.lstrip("\n"), 0, []
    more = bool(text)
    while more:
        found = _FIELD.match(text, at)
        if found is None:
            raise ValueError(_no_field(text, at))
        quoted_text, plain, end = found.groups()
        fields.append(plain if quoted_text is None else quoted_text.replace('""', '"'))
        at, more = found.end(), end == ","
    return tuple(fields)


def _no_field(text: str, at: int) -> str:
    inside = _INSIDE.match(text, at)
    place, reason = (inside.end(), 'extraneous or missing " in quoted-field') if inside else (
        text.index('"', at), 'bare " in non-quoted-field')
    return f"parse error on line 1, column {place + 1}: {reason}"


def _array(text: str) -> tuple[str, ...]:
    return (text,)


def _addresses(text: str) -> tuple[str, ...]:
    found = []
    for part in _strings(text.replace('"', "").strip()):
        try:
            found.append(str(ipaddress.ip_address(part.strip())))
        except ValueError:
            raise ValueError(f"invalid string being converted to IP address: {part.strip()}") from None
    return tuple(found)


def _pairs(text: str) -> dict[str, str]:
    found = {}
    for part in _strings(text):
        key, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"{part} must be formatted as key=value")
        found[key] = value
    return found


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except UsageError:
        raise ValueError(f"time: invalid duration {quoted(text)}") from None


_CONVERSIONS: dict[str, Callable[[str], Any]] = {
    "bool": parse_bool,
    "string": str,
    "int": lambda text: _integer(text, -(1 << 63), (1 << 63) - 1, "ParseInt"),
    "uint16": lambda text: _integer(text, 0, 65535, "ParseUint"),
    "float32": _float32,
    "duration": _duration,
    "strings": _strings,
    "stringArray": _array,
    "ipSlice": _addresses,
    "stringToString": _pairs,
}
